/**
 * R/R (risk/reward) of one closed trade. Path = entry price, exit price, the low and high of every bar that counts:
 *   return = (exit − entry)/entry   max_drawdown = (entry − min path)/entry   max_gain = (max path − entry)/entry
 *   rr = clamp(return / max_drawdown, −10, 10); where max_drawdown = 0: 10 when return > 0, else 0
 * A short trade is the mirror image: it gains when the price falls, and its drawdown is the highest price of the path.
 */
import { StrandlineError } from '../../core/errors.ts'

export type Side = 'long' | 'short'

/** One OHLCV bar as far as R/R needs it: it covers [start, start + barMs), in milliseconds since 1970-01-01 UTC. */
export interface Bar {
  start: number
  low: number
  high: number
}

export interface Trade {
  side?: Side
  /** Average prices, both in the same currency. */
  entry_price: number
  exit_price: number
  /** Milliseconds since 1970-01-01 UTC. */
  opened_at: number
  closed_at: number
}

/** Ratios of the entry price; `rr` in [-10, 10]. What needs bars is null where there are none, and `unscored_reason` says so. */
export interface Score {
  return: number
  max_drawdown: number | null
  max_gain: number | null
  rr: number | null
  unscored_reason: string | null
}

const BOUND = 10

/**
 * Scores a trade on its bars, in any order; bars outside of the trade are left out.
 * Errors: POSITION_INVALID when a price is not a finite number above 0, or the two are too far apart for a ratio.
 */
export function scoreTrade(trade: Trade, bars: Iterable<Bar>, barMs: number): Score {
  const { side = 'long', entry_price: entry, exit_price: exit } = trade
  checkPrice('entry', entry)
  checkPrice('exit', exit)
  const gainAt =
    side === 'long' ? (price: number) => (price - entry) / entry : (price: number) => (entry - price) / entry
  const result = gainAt(exit)
  if (!Number.isFinite(result))
    throw new StrandlineError(
      'POSITION_INVALID',
      `Entry price ${entry} and exit price ${exit} are too far apart for a ratio.`,
      { todo: 'Report the prices in one currency.' },
    )

  let low = Math.min(entry, exit)
  let high = Math.max(entry, exit)
  let counted = 0
  for (const bar of bars) {
    if (!counts(bar.start, barMs, trade.opened_at, trade.closed_at)) continue
    counted++
    for (const price of [bar.low, bar.high]) {
      if (!(price > 0 && price < Number.POSITIVE_INFINITY)) continue
      low = Math.min(low, price)
      high = Math.max(high, price)
    }
  }
  if (counted === 0) return unscored(result, 'no_ohlcv')

  const [worst, best] = side === 'long' ? [low, high] : [high, low]
  const drawdown = Math.max(0, -gainAt(worst))
  const gain = Math.max(0, gainAt(best))
  if (!Number.isFinite(drawdown) || !Number.isFinite(gain)) return unscored(result, 'ohlcv_out_of_range')
  return {
    return: result,
    max_drawdown: drawdown,
    max_gain: gain,
    rr: ratioOf(result, drawdown),
    unscored_reason: null,
  }
}

/** The bar overlaps the trade, or contains the instant of its entry (a trade that opened and closed at once has no length to overlap). */
export function counts(start: number, length: number, entry: number, exit: number): boolean {
  const end = start + length
  return (start < exit && end > entry) || (start <= entry && entry < end)
}

/** Return over the largest drawdown, both ratios of the entry price, within ±10. */
export function ratioOf(result: number, drawdown: number): number {
  if (drawdown === 0) return result > 0 ? BOUND : 0
  return Math.min(BOUND, Math.max(-BOUND, result / drawdown))
}

function unscored(result: number, reason: string): Score {
  return { return: result, max_drawdown: null, max_gain: null, rr: null, unscored_reason: reason }
}

function checkPrice(which: string, price: number): void {
  if (!(Number.isFinite(price) && price > 0))
    throw new StrandlineError(
      'POSITION_INVALID',
      `The ${which} price is ${price}; a price is a finite number above 0.`,
      {
        todo: 'Report the execution again with its real price; the position was not closed.',
      },
    )
}
