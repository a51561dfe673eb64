/** The bars of a trade, read in pieces: a hosted project ends a statement after 8 s, and one that was held for a year has half a million of a minute. */
import type { Store } from '../../core/store/store.ts'
import type { BarRow } from '../../domain/closing/closing.ts'

/** Bars of one request. */
const PIECE = 20_000

export interface BarredTrade {
  token_contract: string | null
  chain: string | null
  timeframe: string
  /** ms */
  opened_at: number
  /** ms */
  closed_at: number
}

/** Every bar that may touch the trade, in the order of time. Errors: STORE_UNREACHABLE. */
export async function readBars(store: Store, trade: BarredTrade): Promise<BarRow[]> {
  const of = {
    p_contract: trade.token_contract,
    p_chain: trade.chain,
    p_timeframe: trade.timeframe,
    p_from: new Date(trade.opened_at).toISOString(),
    p_to: new Date(trade.closed_at).toISOString(),
    p_limit: PIECE,
  }
  const bars: BarRow[] = []
  for (;;) {
    const p_after = bars.at(-1)?.[0] ?? null
    const piece = await store.rpc<BarRow[]>('strandline_pm_bars', { ...of, p_after })
    for (const bar of piece) bars.push(bar)
    if (piece.length < PIECE) return bars
  }
}
