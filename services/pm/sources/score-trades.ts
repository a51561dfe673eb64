/** Foreign trades without an R/R get theirs on the bars that the database has, like any close of our own; many in few requests. */
import { explain } from '../../../core/errors.ts'
import { type BarRow, NO_BARS, scoreOn } from '../../../domain/closing/closing.ts'
import type { PositionClosed } from '../../../domain/event.ts'
import type { ForeignTrade } from '../../../domain/foreign/trade.ts'
import { startOf } from '../../../domain/limits.ts'
import { timeframeMs } from '../../../domain/timeframe.ts'
import type { BarStore } from '../bar-store.ts'
import { readBars } from '../bars.ts'

/** Bars and trades of one request: a hosted project ends a statement after 8 s. */
const BARS = 20_000
const TRADES = 200

/** A trade as it is published, or why it cannot be. */
export type Scored = { event: PositionClosed; side: ForeignTrade['side']; score_later: boolean } | { error: unknown }

/** The trades in their order, each scored. Errors: STORE_UNREACHABLE, STORE_REJECTED; what is wrong with a trade is its own answer. */
export async function scoreTrades(store: BarStore, trades: ForeignTrade[]): Promise<Scored[]> {
  const scored: Scored[] = trades.map(({ event, side }) => ({ event, side, score_later: false }))
  let page: number[] = []
  let bars = 0
  const flush = async () => {
    const indexes = page
    page = []
    bars = 0
    if (indexes.length === 0) return
    const found = await store.readAll(indexes.map((i) => trades[i]!.event))
    for (const [n, i] of indexes.entries()) scored[i] = scoredOn(trades[i]!, found[n] ?? [])
  }
  for (const [i, { event, unscored }] of trades.entries()) {
    if (!unscored) continue
    const expected = expectedBars(event)
    if (expected > BARS) {
      // held for long: its own bars are read in pieces
      scored[i] = scoredOn(trades[i]!, await readBars(store, event))
      continue
    }
    if (page.length > 0 && (page.length >= TRADES || bars + expected > BARS)) await flush()
    page.push(i)
    bars += expected
  }
  await flush()
  return scored
}

function expectedBars({ timeframe, opened_at, closed_at }: PositionClosed): number {
  try {
    return 2 + Math.max(0, closed_at - opened_at) / timeframeMs(timeframe)
  } catch {
    return 1 // no timeframe at all: it has no bars, and is told so when it is scored
  }
}

function scoredOn({ event, side }: ForeignTrade, bars: BarRow[]): Scored {
  try {
    const score = scoreOn(event, side, bars)
    return { event: { ...event, ...score }, side, score_later: score.unscored_reason === NO_BARS }
  } catch (error) {
    return { error }
  }
}

/** A reason that is kept in the database. */
export const reasonOf = (error: unknown): string => startOf(explain(error), 1_000)
