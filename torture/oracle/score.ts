/** The R/R of a trade on its bars (DESIGN.md, *R/R*), computed once more. */
import { BAR_MS, type PlannedTrade } from '../load/trades.ts'

/** null: no bar counts. */
export function scoreOf({
  entry_price,
  exit_price,
  opened_at,
  closed_at,
  timeframe,
  bars,
}: PlannedTrade): number | null {
  const length = BAR_MS[timeframe]
  const counted = bars.filter(({ start }) => {
    const end = start + length
    return (start < closed_at && end > opened_at) || (start <= opened_at && opened_at < end)
  })
  if (counted.length === 0) return null
  const lowest = Math.min(entry_price, exit_price, ...counted.map((b) => b.low))
  const gained = (exit_price - entry_price) / entry_price
  const drawdown = (entry_price - lowest) / entry_price
  if (drawdown === 0) return gained > 0 ? 10 : 0
  return Math.max(-10, Math.min(10, gained / drawdown))
}
