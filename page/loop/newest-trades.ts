/** The records that the log took in last, of a history that grows. */
import type { TradeHistory } from '../../domain/history/trade-history.ts'
import { type TradeRow, tradeRow } from '../../replay/trade-row.ts'

interface Seen {
  rows: number
  newest: TradeRow[]
}

/** Looks at each row once. @param most so many */
export function createNewestTrades(most: number): (history: TradeHistory) => TradeRow[] {
  const seen = new WeakMap<TradeHistory, Seen>()
  return (history) => {
    const known = seen.get(history) ?? { rows: 0, newest: [] }
    const least = () => (known.newest.length < most ? '' : (known.newest.at(-1)?.taken_at ?? ''))
    for (; known.rows < history.length; known.rows++) {
      const row = tradeRow(history, known.rows)
      if (row.taken_at < least()) continue
      known.newest.push(row)
      known.newest.sort((a, b) => b.taken_at.localeCompare(a.taken_at) || b.offset - a.offset)
      known.newest.length = Math.min(known.newest.length, most)
    }
    seen.set(history, known)
    return known.newest
  }
}
