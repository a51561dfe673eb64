/** The bars of prices: port, and its adapter over the database's functions. In memory: memory-bars.ts. */
import type { Store } from '../../core/store/store.ts'
import type { BarRow } from '../../domain/closing/closing.ts'

/** A trade, as far as its bars go. */
export interface BarredTrade {
  token_contract: string | null
  chain: string | null
  timeframe: string
  /** ms */
  opened_at: number
  /** ms */
  closed_at: number
}

/** An OHLCV bar: start (ms), open, high, low, close, volume; null where nobody said. */
export type GivenBar = [
  start: number,
  open: number | null,
  high: number | null,
  low: number | null,
  close: number | null,
  volume: number | null,
]

/** Of one token and timeframe. */
export interface GivenBars {
  token_contract: string
  chain: string
  timeframe: string
  /** Each start once. */
  bars: GivenBar[]
  /** A bar that starts this far beyond the database's clock lies in the future. */
  max_skew_ms: number
}

export type PutBarsAnswer =
  | { status: 'stored'; added: number; changed: number }
  /** Times in ms. */
  | { status: 'in_future'; start: number; now: number }
  /** The table takes no such row. */
  | { status: 'invalid'; reason: string }

/** Errors of each: STORE_UNREACHABLE, STORE_REJECTED, STORE_SCHEMA. */
export interface BarStore {
  /** The first bars that may touch the trade behind one (its start, ms; null: from the first), in the order of time. */
  read(trade: BarredTrade, after: number | null, limit: number): Promise<BarRow[]>
  /** All of each trade, in the order of the trades. */
  readAll(trades: readonly BarredTrade[]): Promise<BarRow[][]>
  /** All or none: new bars, and what is different in those that are there. */
  put(bars: GivenBars): Promise<PutBarsAnswer>
}

const iso = (ms: number) => new Date(ms).toISOString()

export function createBarStore(store: Store): BarStore {
  return {
    read: ({ token_contract, chain, timeframe, opened_at, closed_at }, after, limit) =>
      store.rpc('strandline_pm_bars', {
        p_contract: token_contract,
        p_chain: chain,
        p_timeframe: timeframe,
        p_from: iso(opened_at),
        p_to: iso(closed_at),
        p_limit: limit,
        p_after: after,
      }),
    readAll: (trades) =>
      store.rpc('strandline_pm_bars_of', {
        p_trades: JSON.stringify(
          trades.map((t) => [t.token_contract, t.chain, t.timeframe, iso(t.opened_at), iso(t.closed_at)]),
        ),
      }),
    put: (bars) => store.rpc('strandline_pm_put_bars', { p_bars: JSON.stringify(bars) }),
  }
}
