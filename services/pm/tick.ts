/** One tick of a timeframe: closes what others brought to zero, and scores what was closed without bars. */
import { explain, findStrandlineError } from '../../core/errors.ts'
import { type BarRow, type FlatTrade, rescored } from '../../domain/closing/closing.ts'
import type { Side } from '../../domain/closing/rr.ts'
import type { PositionClosed } from '../../domain/event.ts'
import { readBars } from './bars.ts'
import { closePosition, closeTrade } from './close-position.ts'
import type { OutboxRow } from './outbox.ts'
import { claimArgs, type Portfolio } from './portfolio.ts'

/** Trades of one request, with their bars where they are few: a hosted project ends a statement after 8 s. */
const PAGE = 50

export interface TickResult {
  closed: number
  scored: number
  /** Positions that cannot be closed, with the reason. */
  refused: { position_id: string; reason: string }[]
}

interface LateTrade {
  event_id: string
  position_id: string
  /** The latest revision that the outbox has. */
  event: PositionClosed
  side: Side
  /** null: too many to travel with it. */
  bars: BarRow[] | null
  complete: boolean
}

/**
 * A position that cannot be closed, whatever is wrong with it, is in `refused` (and in strandline.set_aside) and stops nothing; the next tick tries it
 * again. Errors: STORE_UNREACHABLE; STORE_REJECTED when the database refuses to say what there is to do.
 */
export async function tick(pm: Portfolio, timeframe: string): Promise<TickResult> {
  const result: TickResult = { closed: 0, scored: 0, refused: [] }
  const flat = (after: string) =>
    pm.store.rpc<FlatTrade[]>('strandline_pm_flat_trades', { p_timeframe: timeframe, p_after: after, p_limit: PAGE })
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
  const late = (after: string) =>
    pm.store.rpc<LateTrade[]>('strandline_pm_late_trades', { p_timeframe: timeframe, p_after: after, p_limit: PAGE })
  for (let page = await late(''); page.length > 0; page = page.length < PAGE ? [] : await late(page.at(-1)!.event_id)) {
    for (const trade of page) {
      try {
        if (trade.complete && (await scoreLate(pm, trade))) result.scored++
      } catch (error) {
        setAside(trade.position_id, error)
      }
    }
  }
  const p_rows = JSON.stringify([...new Map(result.refused.map((r) => [r.position_id, r.reason]))])
  await pm.store.rpc('strandline_pm_set_aside_positions', { p_timeframe: timeframe, p_rows })
  return result

  function setAside(position_id: string, error: unknown): void {
    if (isSystemic(error)) throw error
    result.refused.push({ position_id, reason: explain(error).toWellFormed().slice(0, 1_000) })
  }
}

/** The ticks of all timeframes that have none of their own: others may write any. Errors: as tick. */
export async function tickOthers(pm: Portfolio, known: readonly string[]): Promise<TickResult> {
  const timeframes = await pm.store.rpc<string[]>('strandline_pm_other_timeframes', { p_known: JSON.stringify(known) })
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
  const next = rescored(event, side, bars ?? (await readBars(pm.store, event)))
  if (!next) return false
  type Answer = { status: 'scored'; outbox: OutboxRow | null } | { status: 'superseded' }
  const answer = await pm.store.rpc<Answer>('strandline_pm_score_late', {
    p_score: JSON.stringify({ ...next, traceparent: null }),
    ...claimArgs(pm),
  })
  if (answer.status !== 'scored') return false
  if (answer.outbox && pm.relay) pm.relay.offer(answer.outbox)
  pm.metrics?.lateScores.inc({ timeframe: event.timeframe })
  pm.logger.info(
    { position_id: event.position_id, event_id: event.event_id, rr: next.score.rr },
    'trade scored: its bars have arrived',
  )
  return true
}
