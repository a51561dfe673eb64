/**
 * `lowcap_positions` in memory, as the migrations make it where no older system was, and what follows from a row (`strandline.pm_is_*`). The PM writes it,
 * others may; the audit reads it. Times in ms. Not modelled: numbers and times that a table of others may hold and nobody can calculate with.
 */
import { canonicalId } from '../../../domain/foreign/canonical-id.ts'
import type { MemoryDatabase } from './database.ts'

export interface MemoryPosition {
  id: string
  token_chain: string
  token_contract: string
  token_ticker: string
  timeframe: string
  status: string
  current_trade_id: string | null
  side: string
  /** Held now, in tokens. */
  total_quantity: number
  bought_quantity: number
  sold_quantity: number
  avg_entry_price: number | null
  avg_exit_price: number | null
  first_entry_timestamp: number | null
  last_activity_timestamp: number | null
  closed_at: number | null
  /** When total_quantity last fell to 0, whoever wrote it. */
  flat_since: number | null
  /** first_entry_timestamp of the last trade that was closed. */
  settled_entry: number | null
  entry_context: Record<string, unknown>
  regime_context: Record<string, unknown>
  completed_trades: { trade_id: string; event_id?: string }[]
  created_at: number
  updated_at: number
}

export const positionsOf = (db: MemoryDatabase) => db.table<MemoryPosition>('lowcap_positions')

/** As anybody inserts a position. */
export function insertPosition(
  db: MemoryDatabase,
  row: Pick<MemoryPosition, 'id' | 'timeframe'> & Partial<MemoryPosition>,
): MemoryPosition {
  const now = db.now()
  const position: MemoryPosition = {
    token_chain: '',
    token_contract: '',
    token_ticker: '',
    status: 'watchlist',
    current_trade_id: null,
    side: 'long',
    total_quantity: 0,
    bought_quantity: 0,
    sold_quantity: 0,
    avg_entry_price: null,
    avg_exit_price: null,
    first_entry_timestamp: null,
    last_activity_timestamp: null,
    closed_at: null,
    flat_since: null,
    settled_entry: null,
    entry_context: {},
    regime_context: {},
    completed_trades: [],
    created_at: now,
    updated_at: now,
    ...row,
  }
  positionsOf(db).put(row.id, position)
  return position
}

/** As anybody updates one; it is noted when it comes to zero. Returns the row as it is then. */
export function writePosition(db: MemoryDatabase, id: string, changes: Partial<MemoryPosition>): MemoryPosition {
  const before = positionsOf(db).get(id) as MemoryPosition
  const now = { ...before, ...changes, updated_at: db.now() }
  if (now.total_quantity <= 0 && before.total_quantity > 0) now.flat_since = db.now()
  positionsOf(db).put(id, now)
  return now
}

/** Nothing is held: what is left is rounding (a billionth of what was bought). */
export function isFlat({ total_quantity, bought_quantity }: MemoryPosition): boolean {
  return total_quantity <= 0 || (bought_quantity > 1e-250 && total_quantity <= bought_quantity * 1e-9)
}

export const isHeld = (p: MemoryPosition): boolean => !isFlat(p)

export function isCompleted({ completed_trades }: MemoryPosition, tradeId: string | null): boolean {
  return tradeId !== null && completed_trades.some((t) => canonicalId(t.trade_id) === canonicalId(tradeId))
}

/** It had an entry that was not settled. */
export const hasEntry = (p: MemoryPosition): boolean =>
  p.first_entry_timestamp !== null && p.first_entry_timestamp !== p.settled_entry

/** A trade that is over and not closed; by what happened to it, where the status does not say that it runs. */
export function isOver(p: MemoryPosition): boolean {
  if (!isFlat(p) || !hasEntry(p)) return false
  if (p.status === 'active') return true
  if (p.current_trade_id === null || p.current_trade_id === '') return false
  const seen = p.avg_exit_price !== null || (p.flat_since ?? Number.NEGATIVE_INFINITY) >= p.first_entry_timestamp!
  const executed = p.bought_quantity > 0 || p.sold_quantity > 0
  if (!executed && !(!['watchlist', 'archived'].includes(p.status) && seen)) return false
  return !isCompleted(p, p.current_trade_id)
}

/** A trade is running that has had an entry: something is held, or it is over and waits to be closed. */
export const isOpen = (p: MemoryPosition): boolean => isHeld(p) || isOver(p)

/** What others decided stays; the rest follows what is held. */
export function statusOf(status: string, running: boolean): string {
  if (!['', 'watchlist', 'active', 'dormant'].includes(status)) return status
  return running ? 'active' : 'watchlist'
}

/** Identity of the running trade; null: it has neither a name nor an entry. */
export function tradeIdOf({ current_trade_id, first_entry_timestamp }: MemoryPosition): string | null {
  if (current_trade_id) return canonicalId(current_trade_id)
  return first_entry_timestamp === null ? null : `entry-${Math.floor(first_entry_timestamp)}`
}

/** What a close depends on. */
export const fingerprintOf = (p: MemoryPosition): string =>
  JSON.stringify([
    p.status,
    p.current_trade_id,
    p.total_quantity,
    p.avg_entry_price,
    p.avg_exit_price,
    p.first_entry_timestamp,
    p.closed_at,
    p.entry_context,
  ])
