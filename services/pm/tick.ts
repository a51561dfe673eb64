/** One tick of a timeframe: closes what others brought to zero, and scores what was closed without bars. */
import { explain, findStrandlineError } from '../../core/errors.ts'
import { rescored } from '../../domain/closing/closing.ts'
import { readBars } from './bars.ts'
import { closePosition, closeTrade } from './close-position.ts'
import { claimOf, type Portfolio } from './portfolio.ts'
import type { LateTrade } from './position-store.ts'

/** Trades of one request, with their bars where they are few: a hosted project ends a statement after 8 s. */
const PAGE = 50

export interface TickResult {
  closed: number
  scored: number
  /** Positions that cannot be closed, with the reason. */
  refused: { position_id: string; reason: string }[]
}

/**
 * A position that cannot be closed, whatever is wrong with it, is in `refused` (and in strandline.set_aside) and stops nothing; the next tick tries it
 * again. Errors: STORE_UNREACHABLE; STORE_REJECTED when the database refuses to say what there is to do.
 */
export async function tick(pm: Portfolio, timeframe: string): Promise<TickResult> {
  const result: TickResult = { closed: 0, scored: 0, refused: [] }
  const flat = (after: string) => pm.positions.flatTrades(timeframe, after, PAGE)
  for (
    let page = await flat('');
    page.length > 0;
    page = page.length < PAGE ? [] : await flat(page.at(-1)!.position_id)
  ) {
    for (const trade of page) {
      try {
        const closed = (await closeTrade(pm, trade, 'tick')) ?? (await closePosition(pm, trade.position_id))
        if (closed?.now) result.closed++
      } catch (error) {
        setAside(trade.position_id, error)
      }
    }
  }
  const late = (after: string) => pm.positions.lateTrades(timeframe, after, PAGE)
  for (let page = await late(''); page.length > 0; page = page.length < PAGE ? [] : await late(page.at(-1)!.event_id)) {
    for (const trade of page) {
      try {
        if (trade.complete && (await scoreLate(pm, trade))) result.scored++
      } catch (error) {
        setAside(trade.position_id, error)
      }
    }
  }
  await pm.positions.setAside(timeframe, [...new Map(result.refused.map((r) => [r.position_id, r.reason]))])
  return result

  function setAside(position_id: string, error: unknown): void {
    if (isSystemic(error)) throw error
    result.refused.push({ position_id, reason: explain(error).toWellFormed().slice(0, 1_000) })
  }
}

/** The ticks of all timeframes that have none of their own: others may write any. Errors: as tick. */
export async function tickOthers(pm: Portfolio, known: readonly string[]): Promise<TickResult> {
  const timeframes = await pm.positions.otherTimeframes(known)
  const results: TickResult[] = []
  for (const timeframe of timeframes) results.push(await tick(pm, timeframe))
  return {
    closed: results.reduce((n, r) => n + r.closed, 0),
    scored: results.reduce((n, r) => n + r.scored, 0),
    refused: results.flatMap((r) => r.refused),
  }
}

/** No position's fault: nothing can be said about the others either. */
function isSystemic(error: unknown): boolean {
  const code = findStrandlineError(error)?.code
  return code === 'STORE_UNREACHABLE' || code === 'STORE_SCHEMA'
}

/** Publishes the score of a trade that had none, as the event's next revision. */
async function scoreLate(pm: Portfolio, { event, side, bars }: LateTrade): Promise<boolean> {
  const next = rescored(event, side, bars ?? (await readBars(pm.bars, event)))
  if (!next) return false
  const answer = await pm.positions.scoreLate(next, claimOf(pm))
  if (answer.status !== 'scored') return false
  if (answer.outbox && pm.relay) pm.relay.offer(answer.outbox)
  pm.metrics?.lateScores.inc({ timeframe: event.timeframe })
  pm.logger.info(
    { position_id: event.position_id, event_id: event.event_id, rr: next.score.rr },
    'trade scored: its bars have arrived',
  )
  return true
}
