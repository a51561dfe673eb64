/**
 * Folds trades in memory, in place of the database: the same fold as the learner's, so the same sums to the last bit where each partition comes in its
 * order. Where trades are corrected through another partition the order of the partitions beside each other decides as well, which nobody knows afterwards:
 * such groups are `crossed`. Pure.
 */
import { foldTrades, type LearnerState, type PartitionSums } from './fold.ts'
import type { Group, Model } from './model.ts'
import { type DecayedSums, decayOf, periodOf } from './sums.ts'
import { SumsTable } from './sums-table.ts'
import type { Trade, TradeSource } from './trade.ts'
import { TradeIndex } from './trade-index.ts'
import { TradeTable } from './trade-table.ts'

/** Sums of a group in one partition and period. */
export interface GroupSums {
  group: Group
  partition: number
  period: number
  sums: DecayedSums
}

export interface LedgerFold {
  /** The trade of an event; `offset`: where in the partition it lies. */
  add(event: TradeSource, partition: number, offset: number): void
  /** In the order of partition and period, as they are merged. Those without a trade too: they were taken out again. */
  sums(): GroupSums[]
  /** Trades as their newest revision has them. */
  trades(): Iterable<Trade>
  /** Exit of the newest trade that counts, ms; null: none does. */
  newest(): number | null
  crossed(group: Group): boolean
}

interface Entry {
  group: Group
  partition: number
  period: number
  row: number
}

const idOf = ({ name, key }: Group) => `${name}\0${key}`

export function createLedgerFold(model: Model): LedgerFold {
  const tau = decayOf(model.definition.tau_days)
  const trades = new TradeTable()
  const ledger = new TradeIndex(trades)
  const entries: Entry[] = []
  const entryOf = new Map<string, Entry>()
  const crossed = new Set<string>()
  const table = new SumsTable()
  /** Rows of the groups of trades that share them (by the model's memory of combinations), by partition and period. */
  const rowsOf = new WeakMap<readonly Group[], Map<string, number[]>>()

  const rowsFor = (groups: readonly Group[], partition: number, period: number): number[] =>
    groups.map((group) => {
      const id = `${idOf(group)}\0${partition}\0${period}`
      let found = entryOf.get(id)
      if (!found) {
        found = { group, partition, period, row: table.addRow() }
        entryOf.set(id, found)
        entries.push(found)
      }
      return found.row
    })

  const sumsOf = (partition: number): PartitionSums => ({
    table,
    rows(trade) {
      const groups = trades.groups(trade)
      const period = periodOf(trades.closedAt(trade), tau)
      let known = rowsOf.get(groups)
      if (!known) {
        known = new Map()
        rowsOf.set(groups, known)
      }
      const cell = `${partition} ${period}`
      let rows = known.get(cell)
      if (!rows) {
        rows = rowsFor(groups, partition, period)
        known.set(cell, rows)
      }
      return rows
    },
  })
  const sums = new Map<number, PartitionSums>()
  const state: LearnerState = {
    trades,
    known: (trade) => ledger.find(trade),
    remember: (trade) => ledger.put(trade),
    sums(partition) {
      let found = sums.get(partition)
      if (!found) {
        found = sumsOf(partition)
        sums.set(partition, found)
      }
      return found
    },
  }

  /** Trades as their newest revision has them: rows. */
  function* effective(): Generator<number> {
    for (let trade = 0; trade < trades.length; trade++) if (ledger.find(trade) === trade) yield trade
  }

  return {
    add(event, partition, offset) {
      const trade = trades.add(model, event, partition, offset)
      const before = ledger.find(trade)
      if (before >= 0 && trades.partition(before) !== partition)
        for (const group of [...trades.groups(before), ...trades.groups(trade)]) crossed.add(idOf(group))
      const { duplicates } = foldTrades(state, trade, trade + 1, tau)
      if (duplicates > 0) trades.takeBackLast() // a log may have many of them
    },
    sums: () =>
      entries
        .toSorted((a, b) => a.partition - b.partition || a.period - b.period)
        .map(({ group, partition, period, row }) => ({ group, partition, period, sums: table.read(row) })),
    *trades() {
      for (const trade of effective()) yield trades.read(trade)
    },
    newest() {
      let newest: number | null = null
      for (const trade of effective()) {
        const closed_at = trades.closedAt(trade)
        if (trades.groups(trade).length > 0 && (newest === null || closed_at > newest)) newest = closed_at
      }
      return newest
    },
    crossed: (group) => crossed.has(idOf(group)),
  }
}
