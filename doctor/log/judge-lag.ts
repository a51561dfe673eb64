/** Who reads the log, and how far. Pure. */
import type { ConsumerLag, LagReport } from '../../core/lag/lag.ts'
import { count, duration, error, type Finding, info, list, warning } from '../finding.ts'

/** As the alerts StrandlineLearnerLag and StrandlineProjectorLag. Milliseconds. */
const LATE_MS = { learner: 60_000, projector: 300_000 }
const SETTLED = 'Stable'

/** @param records in the log now */
export function judgeLag(report: LagReport, records: number): Finding[] {
  const projector = report.groups.find((g) => g.consumer === 'projector')
  const active = report.groups.find((g) => g.consumer !== 'projector' && g.active)
  const found: Finding[] = []
  if (records === 0 && !projector && !active)
    return [info('consumers', 'The log is empty, and nobody has read it yet.')]
  found.push(...(active ? judgeGroup(active, 'learner') : [absent('learner', records)]))
  found.push(...(projector ? judgeGroup(projector, 'projector') : [absent('projector', records)]))
  for (const other of report.groups.filter((g) => !g.active && g.consumer !== 'projector' && g.lag_records > 0))
    found.push(
      info(
        'consumers',
        `${other.consumer}, whose coefficients readers do not see, is ${count(other.lag_records, 'record')} behind.`,
      ),
    )
  return found
}

const absent = (name: string, records: number): Finding =>
  (records > 0 ? error : info)(
    'consumers',
    `No ${name} has read the log, which has ${count(records, 'record')}.`,
    `Start one: ./strandline up, or ./strandline ${name}.`,
  )

function judgeGroup(group: ConsumerLag, name: 'learner' | 'projector'): Finding[] {
  const found: Finding[] = []
  const lost = group.partitions.filter(
    (p) => p.checkpoint !== null && (p.checkpoint < p.log_start || p.checkpoint > p.log_end),
  )
  if (lost.length > 0)
    found.push(
      error(
        'consumers',
        `The log does not have the checkpoint of the ${name} (any more): ${list(lost.map((p) => `partition ${p.partition} stands at ${p.checkpoint}, the log has ${p.log_start} to ${p.log_end}`))}.`,
        'It is another topic, or it was cut: docs/operations.md, Backup and restore.',
      ),
    )
  const idle = group.partitions.filter((p) => p.member === null)
  if (idle.length > 0)
    found.push(
      error(
        'consumers',
        idle.length === group.partitions.length
          ? `No ${name} runs: the group ${group.group} is ${group.state} and has no member.`
          : `Nobody holds ${list(idle.map((p) => `partition ${p.partition}`))} of the group ${group.group} (${group.state}).`,
        `Start the ${name}, and look at ./strandline lag.`,
      ),
    )
  else if (group.state !== SETTLED)
    found.push(warning('consumers', `The group ${group.group} is ${group.state}.`, 'Look again in a minute.'))
  const late = (group.lag_seconds ?? 0) * 1000
  if (group.lag_records > 0 && late > LATE_MS[name])
    found.push(
      error(
        'consumers',
        `The ${name} is ${count(group.lag_records, 'record')} behind, the oldest for ${duration(late)}.`,
        'Its log and /readyz say why; ./strandline lag shows which partitions.',
      ),
    )
  if (found.length === 0)
    found.push(
      info(
        'consumers',
        `The ${name} ${group.lag_records === 0 ? 'has applied all of the log' : `is ${count(group.lag_records, 'record')} behind`}.`,
      ),
    )
  if (name === 'learner' && group.dead_letters > 0)
    found.push(
      warning(
        'consumers',
        `${count(group.dead_letters, 'record')} of the log could not be applied: ${list(Object.entries(group.dead_letters_by_reason).map(([reason, n]) => `${n} ${reason}`))}.`,
        './strandline dead-letters lists them, and says what one can do.',
      ),
    )
  return found
}
