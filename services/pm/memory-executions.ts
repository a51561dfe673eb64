/** What the trader reports, in memory: the rules of `strandline_pm_record_execution`. */
import { createHash } from 'node:crypto'
import { canonicalJson } from '../../core/canonical-json.ts'
import { asJson, type MemoryDatabase } from '../../core/store/memory/database.ts'
import {
  isCompleted,
  isFlat,
  isHeld,
  isOpen,
  isOver,
  type MemoryPosition,
  positionsOf,
  statusOf,
  tradeIdOf,
  writePosition,
} from '../../core/store/memory/positions.ts'
import type { FlatTrade } from '../../domain/closing/closing.ts'
import { FULL_EXIT } from '../../domain/closing/execution.ts'
import type { RecordAnswer, RecordedExecution } from './position-store.ts'

export interface MemoryExecution {
  id: string
  position_id: string
  trade_id: string
  kind: string
  size_frac: number | null
  left_quantity: number
  /** ms */
  executed_at: number
  recorded_at: number
  /** null: long ago. */
  request: object | null
  request_digest: string
}

/** By id, in the order in which they were recorded. */
export const executionsOf = (db: MemoryDatabase) => db.table<MemoryExecution>('pm_executions')

/** What is left of what was bought, and less than that, is rounding. */
const ROUNDING = 1e-9

/** How a row is handed out. */
type FlatTradeOf = (db: MemoryDatabase, p: MemoryPosition) => FlatTrade

interface Applied {
  /** As it is afterwards. */
  p: MemoryPosition
  at: number
  /** Of what was held. */
  share: number | null
}

/** What a repetition is recognised by. */
const digestOf = (request: unknown) => createHash('md5').update(canonicalJson(request)).digest('hex')

const iso = (ms: number) => new Date(ms).toISOString()

/** @param closing whoever calls closes the trade himself */
export function recordExecution(
  db: MemoryDatabase,
  execution: RecordedExecution,
  flatTradeOf: FlatTradeOf,
  closing = false,
): RecordAnswer {
  const { id, position_id, kind, request } = execution
  const before = positionsOf(db).get(position_id)
  if (!before) return { status: 'unknown_position' }
  const known = executionsOf(db).get(id)
  const request_digest = digestOf(asJson(request))
  if (known) {
    if (known.position_id !== position_id || known.request_digest !== request_digest) return { status: 'conflict' }
    const { trade_id, size_frac, left_quantity: left } = known
    const open = isOver(before) && tradeIdOf(before) === trade_id
    return { status: 'duplicate', trade_id, size_frac, left, trade: open ? flatTradeOf(db, before) : null }
  }
  const applied = applyExecution(db, execution, before, flatTradeOf)
  if ('status' in applied) return applied
  const { p, at, share: size_frac } = applied
  const trade_id = tradeIdOf(p) as string
  const noted = { id, position_id, trade_id, kind, size_frac, left_quantity: p.total_quantity, executed_at: at }
  executionsOf(db).put(id, { ...noted, recorded_at: db.now(), request: asJson(request), request_digest })
  const { updated_at: _, ...changes } = p
  const written = writePosition(db, p.id, { ...changes, last_activity_timestamp: at })
  const trade = isFlat(written) && !closing ? flatTradeOf(db, written) : null
  return { status: 'recorded', trade_id, size_frac, left: written.total_quantity, trade }
}

/** What a position would be after an execution, or why it is refused. Nothing is written. */
export function applyExecution(
  db: MemoryDatabase,
  execution: RecordedExecution,
  before: MemoryPosition,
  flatTradeOf: FlatTradeOf,
): Applied | RecordAnswer {
  const { side, price, trade_id, max_skew_ms } = execution
  if (!isAmount(price) || !(execution.quantity === null || isAmount(execution.quantity)))
    return { status: 'invalid', reason: 'a price or a quantity that is none' }
  const now = db.now()
  const said = execution.executed_at === null ? null : Date.parse(execution.executed_at)
  if (said !== null && said > now + max_skew_ms) return { status: 'in_future', executed_at: iso(said), now: iso(now) }
  const at = said ?? momentOf(before, side, now, max_skew_ms)
  const p = withEntry(before, at)
  let share: number | null = execution.size_frac
  if (side === 'entry') {
    if (isFlat(p) && isOpen(p)) return { status: 'close_first', trade: flatTradeOf(db, p) }
    enter(p, execution, at)
  } else {
    if (!isHeld(p)) return { status: 'nothing_held' }
    if (at < p.first_entry_timestamp!) return { status: 'before_entry', entry: iso(p.first_entry_timestamp!) }
    p.bought_quantity = Math.max(p.bought_quantity, p.total_quantity)
    const part = share !== null && share < FULL_EXIT ? p.total_quantity * share : p.total_quantity
    const quantity = execution.quantity ?? part
    share ??= Math.min(1, quantity / p.total_quantity)
    const rest = p.total_quantity - quantity
    if (rest < -ROUNDING * p.bought_quantity) return { status: 'more_than_held', held: p.total_quantity }
    p.avg_exit_price = meanOf(p.avg_exit_price, p.sold_quantity, price, quantity)
    p.sold_quantity += quantity
    p.total_quantity = rest <= ROUNDING * p.bought_quantity ? 0 : rest
  }
  // A trade that others opened without naming it: where the status does not say that it runs, its name does.
  if (!p.current_trade_id && p.status !== 'active') p.current_trade_id = trade_id
  return { p, at, share }
}

const isAmount = (n: number) => n > 0 && n < Number.POSITIVE_INFINITY

/** Without a time of its own it happened now; an entry reported by a clock that runs ahead is not later than its exit for that. */
function momentOf(p: MemoryPosition, side: 'entry' | 'exit', now: number, skew: number): number {
  if (side === 'entry' || p.first_entry_timestamp === null) return now
  return Math.max(now, Math.min(p.first_entry_timestamp, now + skew))
}

/** A copy to change. Somebody bought and did not say when: at the latest when the row was last touched. */
function withEntry(row: MemoryPosition, at: number): MemoryPosition {
  const p = { ...row }
  if (!isHeld(p) || (p.first_entry_timestamp !== null && p.first_entry_timestamp !== p.settled_entry)) return p
  const { last_activity_timestamp: touched, settled_entry } = p
  const since = touched !== null && touched > (settled_entry ?? Number.NEGATIVE_INFINITY) ? Math.min(touched, at) : at
  p.first_entry_timestamp = since
  p.settled_entry = null
  if (isCompleted(p, p.current_trade_id)) p.current_trade_id = null
  return p
}

function enter(p: MemoryPosition, execution: RecordedExecution, at: number): void {
  const { price, trade_id, entry_context, regime_context } = execution
  const quantity = execution.quantity as number
  if (!isOpen(p)) {
    // A trade id that someone set beforehand is taken, one left over from a trade that is over is not.
    if (p.current_trade_id === null || isCompleted(p, p.current_trade_id)) p.current_trade_id = trade_id
    Object.assign(p, { total_quantity: 0, bought_quantity: 0, sold_quantity: 0, first_entry_timestamp: at })
    Object.assign(p, {
      avg_entry_price: null,
      avg_exit_price: null,
      closed_at: null,
      flat_since: null,
      settled_entry: null,
    })
    p.entry_context = asJson(entry_context ?? p.entry_context)
    p.regime_context = asJson(regime_context ?? p.regime_context)
  }
  p.status = statusOf(p.status, true)
  p.bought_quantity = Math.max(p.bought_quantity, p.total_quantity) // what someone else bought counts too
  p.avg_entry_price = meanOf(p.avg_entry_price, p.bought_quantity, price, quantity)
  p.bought_quantity += quantity
  p.total_quantity += quantity
  p.first_entry_timestamp = Math.min(p.first_entry_timestamp!, at)
}

/** A running mean: amounts at one price leave exactly that price, which a quotient of sums would not. */
function meanOf(mean: number | null, of: number, price: number, quantity: number): number {
  return mean === null || of === 0 ? price : mean + (price - mean) * (quantity / (of + quantity))
}
