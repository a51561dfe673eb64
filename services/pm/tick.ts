/** One tick of a timeframe: closes what others brought to zero, and scores what was closed before all of its bars were there. */
import { findStrandlineError } from '../../core/errors.ts'
import { isBrokenOff } from '../../core/store/store.ts'
import { closePosition, closeTrade } from './close-position.ts'
import { scoreLate } from './late-scores.ts'
import type { Portfolio } from './portfolio.ts'
import { reasonOf } from './sources/score-trades.ts'

/** Trades of one request, with their bars where they are few: a hosted project ends a statement after 8 s. */
const PAGE = 50

export interface TickResult {
  closed: number
  /** Trades that got the score of all of their bars as a revision. */
  scored: number
  /** Trades whose score is provisional now. */
  provisional: number
  /** Positions that cannot be closed, with the reason. */
  refused: { position_id: string; reason: string }[]
  /** The database was too busy for one of these, or somebody held its row: no reason to wait for a whole period. */
  soon?: boolean
}

/**
 * A position that cannot be closed, whatever is wrong with it, is in `refused` (and in strandline.set_aside) and stops nothing; the next tick tries it
 * again. Errors: STORE_UNREACHABLE; STORE_REJECTED when the database refuses to say what there is to do.
 */
export async function tick(pm: Portfolio, timeframe: string): Promise<TickResult> {
  const result: TickResult = { closed: 0, scored: 0, provisional: 0, refused: [] }
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
  for (let after: string | null = ''; after !== null; ) {
    const { trades, provisional } = await pm.positions.lateTrades(timeframe, after, PAGE)
    after = trades.length < PAGE ? null : trades.at(-1)!.event_id
    const { scored, final } = await scoreLate(pm, trades, setAside)
    result.scored += scored
    result.provisional = provisional - final
  }
  await pm.positions.setAside(timeframe, [...new Map(result.refused.map((r) => [r.position_id, r.reason]))])
  return result

  function setAside(position_id: string, error: unknown): void {
    if (isSystemic(error)) throw error
    if (isBrokenOff(error)) result.soon = true
    result.refused.push({ position_id, reason: reasonOf(error) })
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
    provisional: results.reduce((n, r) => n + r.provisional, 0),
    refused: results.flatMap((r) => r.refused),
    soon: results.some((r) => r.soon),
  }
}

/** No position's fault: nothing can be said about the others either. A row that somebody holds locked is one row. */
function isSystemic(error: unknown): boolean {
  if (isBrokenOff(error)) return false
  const code = findStrandlineError(error)?.code
  return code === 'STORE_UNREACHABLE' || code === 'STORE_SCHEMA'
}
