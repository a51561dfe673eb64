/** One trade as the ledger keeps it, and the groups that it counts for. Pure. */
import type { LearnedNumbers } from '../trade-numbers.ts'
import { type Group, type LeverContext, type Model, unescapePart } from './model.ts'

export interface Trade {
  /** UUID. */
  id: string
  /** The partition whose sums hold its effect. */
  partition: number
  offset: number
  revision: number
  voided: boolean
  /** Exit time, ms. */
  closed_at: number
  /** What the model learns of it; null: the event has none, and the trade counts in no group. */
  rr: number | null
  /** Text of the model's Combination. */
  levers: string
  /** Groups of the trade, baseline first; empty when it counts in none. Shared with other trades: not to be changed. */
  groups: Group[]
  /** Levers whose value, and interactions whose key is too long: it does not count for them. */
  leftOut?: readonly string[]
}

/** What a trade is made of: an event, its levers and measures to be asked for by their names, its numbers finite (or null: nobody said). */
export interface TradeSource extends LeverContext, LearnedNumbers {
  event_id: string
  revision: number
  voided: boolean
  closed_at: number
  rr: number | null
}

export function decodeLevers(levers: string): Map<string, string> {
  const values = new Map<string, string>()
  if (levers === '') return values
  for (const part of levers.slice(1, -1).split('|')) {
    const at = part.indexOf('=')
    values.set(part.slice(0, at), unescapePart(part.slice(at + 1)))
  }
  return values
}

/** Groups of a trade that was read back from the ledger. */
export function groupsOfLedger(model: Model, trade: Pick<Trade, 'voided' | 'rr' | 'levers'>): Group[] {
  return trade.voided || trade.rr === null ? [] : model.groups(model.valuesOf(decodeLevers(trade.levers)))
}
