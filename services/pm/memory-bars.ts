/** Bars in memory: the rules of `strandline_pm_bars`. */
import { keyOf, type MemoryDatabase } from '../../core/store/memory/database.ts'
import type { BarRow } from '../../domain/closing/closing.ts'
import type { ExitBars } from '../../domain/closing/final-bars.ts'
import type { BarredTrade, BarStore } from './bar-store.ts'

export interface MemoryBar {
  token_contract: string
  chain: string
  timeframe: string
  /** ms */
  start: number
  low_usd: number | null
  high_usd: number | null
  open_usd?: number | null
  close_usd?: number | null
  volume?: number | null
}

const NUMBERS = ['open_usd', 'high_usd', 'low_usd', 'close_usd', 'volume'] as const

const barsOf = (db: MemoryDatabase) => db.table<MemoryBar>('lowcap_price_data_ohlc')

/** As whoever collects prices inserts a bar; one that is there stays. */
export function insertBar(db: MemoryDatabase, bar: MemoryBar): void {
  const key = keyOf(bar.token_contract, bar.chain, bar.timeframe, bar.start)
  if (!barsOf(db).get(key)) barsOf(db).put(key, bar)
}

const UNITS: Record<string, number> = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000, w: 604_800_000 }

/** Length of a bar, ms; null for a timeframe that has none. */
export function barMs(timeframe: string): number | null {
  const [, count, unit] = /^([1-9]\d{0,4})([smhdw])$/.exec(timeframe) ?? []
  return count === undefined ? null : Number(count) * UNITS[unit as string]!
}

/** Those of a trade's token and timeframe, in the order of time. */
export function barsOfToken(db: MemoryDatabase, { token_contract, chain, timeframe }: BarredTrade): MemoryBar[] {
  return barsOf(db)
    .rows()
    .filter((b) => b.token_contract === token_contract && b.chain === chain && b.timeframe === timeframe)
    .sort((a, b) => a.start - b.start)
}

/** Every bar that may touch the trade. */
export function barsOfTrade(db: MemoryDatabase, trade: BarredTrade): MemoryBar[] {
  const length = barMs(trade.timeframe)
  const last = Math.max(trade.opened_at, trade.closed_at)
  if (length === null) return []
  return barsOfToken(db, trade).filter((b) => b.start > trade.opened_at - length && b.start <= last)
}

/** What is stored of the bars at its end (`strandline.pm_exit_bars`). */
export function exitBars(db: MemoryDatabase, trade: BarredTrade): Omit<ExitBars, 'now'> {
  const { opened_at, closed_at, timeframe } = trade
  const length = barMs(timeframe)
  const bars = barsOfToken(db, trade)
  const last = length === null ? undefined : bars.findLast((b) => b.start >= closed_at - length && b.start <= closed_at)
  return { exit_bar: last?.start ?? null, later_bar: bars.some((b) => b.start >= closed_at && b.start > opened_at) }
}

export const barRow = ({ start, low_usd, high_usd }: MemoryBar): BarRow => [start, low_usd, high_usd]

/** As they travel with a trade; null: more than `most`. */
export function fewBars(db: MemoryDatabase, trade: BarredTrade, most: number): BarRow[] | null {
  const bars = barsOfTrade(db, trade)
  return bars.length > most ? null : bars.map(barRow)
}

export function createMemoryBars(db: MemoryDatabase): BarStore {
  return {
    read: async (trade, after, limit) =>
      barsOfTrade(db, trade)
        .filter((b) => after === null || b.start > after)
        .slice(0, limit)
        .map(barRow),
    put: async ({ token_contract, chain, timeframe, bars, max_skew_ms }) =>
      db.transaction(() => {
        const last = Math.max(...bars.map(([start]) => start))
        if (last > db.now() + max_skew_ms) return { status: 'in_future', start: last, now: db.now() }
        let added = 0
        let changed = 0
        for (const [start, ...numbers] of bars) {
          const key = keyOf(token_contract, chain, timeframe, start)
          const known = barsOf(db).get(key)
          const given = Object.fromEntries(NUMBERS.map((name, i) => [name, numbers[i] ?? known?.[name] ?? null]))
          const bar = { token_contract, chain, timeframe, start, ...given } as MemoryBar
          if (known && NUMBERS.every((name) => (known[name] ?? null) === bar[name])) continue
          barsOf(db).put(key, bar)
          if (known) changed++
          else added++
        }
        return { status: 'stored', added, changed }
      }),
    readAll: async (trades) => trades.map((trade) => barsOfTrade(db, trade).map(barRow)),
  }
}
