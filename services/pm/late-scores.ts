/** Trades that closed before all of their bars were there, scored again on all of them: the event's next revision, where it says something else. */

import type { EventKey } from '../../core/store/outbox-store.ts'
import { rescored } from '../../domain/closing/closing.ts'
import { barsAreFinal } from '../../domain/closing/final-bars.ts'
import { readBars } from './bars.ts'
import { claimOf, type Portfolio } from './portfolio.ts'
import type { LateTrade } from './position-store.ts'

export interface LateScores {
  /** Revisions that were published. */
  scored: number
  /** Scores that were provisional and are final now. */
  final: number
}

/**
 * @param setAside hears what cannot be scored, and goes on or throws
 * Errors: STORE_UNREACHABLE (what came to be a revision is one: the next look goes on).
 */
export async function scoreLate(
  pm: Portfolio,
  trades: LateTrade[],
  setAside: (position_id: string, error: unknown) => void,
): Promise<LateScores> {
  const did: LateScores = { scored: 0, final: 0 }
  /** What is published is right already. */
  const confirmed: EventKey[] = []
  for (const trade of trades) {
    const { event_id, position_id, revision, settled } = trade
    try {
      if (settled || !(trade.over || barsAreFinal(trade.event, trade))) continue
      const outcome = await scoreAgain(pm, trade)
      if (outcome === 'scored') did.scored++
      if (revision === null || outcome === 'superseded') continue
      if (outcome === 'same') confirmed.push([event_id, revision])
      did.final++
    } catch (error) {
      setAside(position_id, error)
    }
  }
  if (confirmed.length > 0) await pm.positions.confirmScores(confirmed)
  return did
}

async function scoreAgain(
  pm: Portfolio,
  { event, side, bars, revision, over }: LateTrade,
): Promise<'scored' | 'same' | 'superseded'> {
  const next = rescored(event, side, bars ?? (await readBars(pm.bars, event)), by(revision, over))
  if (!next) return 'same'
  const answer = await pm.positions.scoreLate(next, claimOf(pm))
  if (answer.status !== 'scored') return 'superseded'
  if (answer.outbox && pm.relay) pm.relay.offer(answer.outbox)
  pm.metrics?.lateScores.inc({ timeframe: event.timeframe })
  const { position_id, event_id } = event
  pm.logger.info(
    { position_id, event_id, rr: next.score.rr, provisional_rr: event.rr },
    revision === null ? 'trade scored: its bars have arrived' : 'trade scored again: all of its bars have arrived',
  )
  return 'scored'
}

/** For whoever looks at the revisions. */
function by(revision: number | null, over: boolean): string {
  const what = revision === null ? 'scored' : 'scored again'
  return `pm: ${what} ${over ? 'on the bars that have come until now' : 'when its last bar was stored'}`
}
