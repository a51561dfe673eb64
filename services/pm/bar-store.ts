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

/** Errors of each: STORE_UNREACHABLE, STORE_REJECTED, STORE_SCHEMA. */
export interface BarStore {
  /** The first bars that may touch the trade behind one (its start, ms; null: from the first), in the order of time. */
  read(trade: BarredTrade, after: number | null, limit: number): Promise<BarRow[]>
  /** All of each trade, in the order of the trades. */
  readAll(trades: readonly BarredTrade[]): Promise<BarRow[][]>
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
  }
}
