/** The bars of a trade, read in pieces: a hosted project ends a statement after 8 s, and one that was held for a year has half a million of a minute. */
import type { BarRow } from '../../domain/closing/closing.ts'
import type { BarredTrade, BarStore } from './bar-store.ts'

/** Bars of one request. */
const PIECE = 20_000

/** Every bar that may touch the trade, in the order of time. Errors: STORE_UNREACHABLE. */
export async function readBars(store: Pick<BarStore, 'read'>, trade: BarredTrade): Promise<BarRow[]> {
  const bars: BarRow[] = []
  for (;;) {
    const piece = await store.read(trade, bars.at(-1)?.[0] ?? null, PIECE)
    for (const bar of piece) bars.push(bar)
    if (piece.length < PIECE) return bars
  }
}
