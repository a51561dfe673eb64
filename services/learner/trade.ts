/** One trade as the ledger keeps it, and the groups that it counts for. Pure. */
import { eventUuid } from '../../core/event.ts'
import type { CheckedEvent } from '../../core/validation.ts'
import { MIN_RR } from './fold.ts'
import { type Group, type Model, unescapePart } from './model.ts'

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
  rr: number | null
  /** Text of the model's Combination. */
  levers: string
  /** Groups of the trade, baseline first; empty when it counts in none. Shared with other trades: not to be changed. */
  groups: Group[]
}

/** A trade in the ledger. */
export type LedgerTrade = Trade

/** PostgreSQL's B-tree takes index rows of up to 2,704 bytes; a key beyond this is no category. */
export const MAX_KEY_BYTES = 2_000

export type TradeOrProblem = Trade | { problem: string }

export function tradeOf(model: Model, event: CheckedEvent, partition: number, offset: number): TradeOrProblem {
  const { levers, groups } = model.combination(model.leverValues(event))
  const effective = !event.voided && event.rr !== null
  const problem = effective && problemOf(groups)
  if (problem) return { problem }
  return {
    id: eventUuid(event.event_id),
    partition,
    offset,
    revision: event.revision,
    voided: event.voided,
    closed_at: event.closed_at,
    rr: event.rr !== null && Math.abs(event.rr) < MIN_RR ? 0 : event.rr,
    levers,
    groups: effective ? groups : NONE,
  }
}

const NONE: Group[] = []

function problemOf(groups: readonly Group[]): string | undefined {
  for (const g of groups)
    if (g.key.length > MAX_KEY_BYTES / 4 && Buffer.byteLength(g.key) > MAX_KEY_BYTES)
      return `the key of ${g.name} has ${Buffer.byteLength(g.key)} bytes, ${MAX_KEY_BYTES} are allowed`
  return undefined
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
