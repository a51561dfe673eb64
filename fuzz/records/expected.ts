/**
 * What must become of a good record whose values were changed, said once more and apart from the code that is tested: the reasons for which it may be
 * refused. None: it must be applied.
 */
import type { PositionClosed } from '../../domain/event.ts'
import type { RejectReason } from '../../domain/validation.ts'

const YEAR_2100 = Date.UTC(2100, 0, 1)
const FIVE_MINUTES = 300_000

export function expectedReasons(event: PositionClosed, key: Buffer | null, timestamp: number): RejectReason[] {
  const reasons: RejectReason[] = []
  const idBytes = Buffer.from(event.event_id).length
  if (!key || key.length === 0) reasons.push('null_key')
  if (idBytes < 1 || idBytes > 512) reasons.push('id_invalid')
  const texts = [
    event.event_id,
    event.timeframe,
    ...Object.entries(event.levers).flat(),
    ...Object.keys(event.measures),
  ]
  if (texts.some((text) => text.includes('\u0000'))) reasons.push('text_invalid')
  if (event.revision < 0) reasons.push('revision_invalid')
  if (event.rr !== null && !(event.rr > Number.NEGATIVE_INFINITY && event.rr < Number.POSITIVE_INFINITY))
    reasons.push('rr_not_finite')
  else if (event.rr !== null && (event.rr > 10 || event.rr < -10)) reasons.push('rr_out_of_range')
  if (Object.values(event.measures).some((m) => !(m > Number.NEGATIVE_INFINITY && m < Number.POSITIVE_INFINITY)))
    reasons.push('measure_not_finite')
  if (event.closed_at < 1 || event.closed_at > YEAR_2100) reasons.push('exit_time_invalid')
  if (event.closed_at - timestamp > FIVE_MINUTES) reasons.push('exit_in_future')
  return reasons
}
