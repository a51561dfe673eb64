/** Positions in memory: the rules of `strandline_pm_*` (supabase/migrations/…_positions.sql, …_closing.sql). */
import { asJson, type MemoryDatabase } from '../../core/store/memory/database.ts'
import {
  addRow,
  handedOut,
  insertEvent,
  isBehindLog,
  type MemoryOutboxRow,
  nameTrade,
  newestEvent,
  newestOf,
} from '../../core/store/memory/outbox.ts'
import {
  fingerprintOf,
  hasEntry,
  insertPosition,
  isCompleted,
  isFlat,
  isOpen,
  isOver,
  type MemoryPosition,
  positionsOf,
  statusOf,
  tradeIdOf,
  writePosition,
} from '../../core/store/memory/positions.ts'
import { setAsideKey, strandTables } from '../../core/store/memory/strands.ts'
import type { OutboxRow } from '../../core/store/outbox-store.ts'
import type { FlatTrade } from '../../domain/closing/closing.ts'
import type { Side } from '../../domain/closing/rr.ts'
import type { PositionClosed } from '../../domain/event.ts'
import { barRow, barsOfTrade, exitBars, fewBars } from './memory-bars.ts'
import { applyExecution, executionsOf, type MemoryExecution, recordExecution } from './memory-executions.ts'
import type { PositionRow } from './position-row.ts'
import type {
  CloseAnswer,
  LateTrade,
  LateTrades,
  PositionStore,
  RelayClaim,
  ScoreAnswer,
  ScoredTrade,
} from './position-store.ts'

/** Bars that travel with one trade, and with each of many. */
const MANY_BARS = 1_000
const FEW_BARS = 200

interface Provisional {
  event_id: string
  position_id: string
  trade_id: string
  side: Side
  token_contract: string
  chain: string
  timeframe: string
  opened_at: number
  closed_at: number
  /** The one whose score is provisional; null: it has none. */
  revision: number | null
  /** ms */
  waits_until: number
  bars_seen: number
}

const provisionalOf = (db: MemoryDatabase) => db.table<Provisional>('pm_provisional')

/** A score of it may still come. */
export const isNoted = (db: MemoryDatabase, event_id: string) => provisionalOf(db).get(event_id) !== undefined

/** Notes an event whose bars are not all there, to be scored once they are. */
export function noteProvisional(
  db: MemoryDatabase,
  event: PositionClosed,
  side: Side,
  revision: number | null,
  waits_until: number,
): void {
  const { event_id, position_id, trade_id, token_contract, chain, timeframe, opened_at, closed_at } = event
  const trade = { event_id, position_id, trade_id, token_contract, chain, timeframe, opened_at, closed_at }
  if (!provisionalOf(db).get(event_id))
    provisionalOf(db).put(event_id, { ...trade, side, revision, waits_until, bars_seen: 0 })
}

/** Somebody gave it a score, or it is another trade now. */
export const forgetProvisional = (db: MemoryDatabase, eventId: string): void => {
  if (isNoted(db, eventId)) provisionalOf(db).remove(eventId)
}

const compare = (a: string, b: string) => (a < b ? -1 : a > b ? 1 : 0)

/** A row as people see it. */
export function shown(p: MemoryPosition): PositionRow {
  const row: Record<string, unknown> = asJson({ ...p })
  for (const [name, value] of Object.entries(row))
    if (value !== null && /_at$|_timestamp$|_since$|_entry$/.test(name))
      row[name] = new Date(value as number).toISOString()
  return row as PositionRow
}

/**
 * A flat position as a trade to be scored and closed.
 * @param most bars that travel with it
 * @param exit that is not recorded yet; else the last one that was
 */
export function flatTradeOf(
  db: MemoryDatabase,
  p: MemoryPosition,
  most = MANY_BARS,
  exit?: Pick<MemoryExecution, 'kind' | 'executed_at'>,
): FlatTrade {
  const trade_id = tradeIdOf(p) as string
  const recorded = executionsOf(db).rows()
  const last =
    exit ?? recorded.findLast((e) => e.position_id === p.id && e.trade_id === trade_id && e.left_quantity === 0)
  const opened_at = p.first_entry_timestamp as number
  const noted = p.closed_at !== null && p.closed_at >= opened_at ? p.closed_at : null
  const exited = last?.executed_at ?? noted ?? p.flat_since ?? p.last_activity_timestamp ?? p.updated_at
  const closed_at = Math.max(opened_at, exited)
  const times = { opened_at, closed_at }
  return asJson({
    position_id: p.id,
    trade_id,
    fingerprint: fingerprintOf(p),
    now: db.now(),
    symbol: p.token_ticker,
    token_contract: p.token_contract,
    chain: p.token_chain,
    timeframe: p.timeframe,
    side: p.side,
    decision_type: last?.kind ?? 'external',
    entry_price: p.avg_entry_price,
    exit_price: p.avg_exit_price,
    quantity: p.bought_quantity,
    ...times,
    entry_context: p.entry_context,
    regime_context: p.regime_context,
    problem: null,
    bars: fewBars(db, { ...p, chain: p.token_chain, ...times }, most),
    ...exitBars(db, { ...p, chain: p.token_chain, ...times }),
  })
}

export function createMemoryPositions(db: MemoryDatabase): PositionStore {
  const running = (timeframe?: string) =>
    positionsOf(db)
      .rows()
      .filter((p) => hasEntry(p) && (p.status === 'active' || p.current_trade_id !== null))
      .filter((p) => timeframe === undefined || p.timeframe === timeframe)
      .sort((a, b) => compare(a.id, b.id))
  return {
    open: async (position) =>
      db.transaction(() => {
        const given = asJson(position) as Partial<MemoryPosition> & Pick<MemoryPosition, 'timeframe'>
        const id = given.id ?? db.uuid()
        const there = positionsOf(db).get(id)
        if (there) return { status: 'exists', position: shown(there) }
        const { token_chain, token_contract, token_ticker, timeframe, side, entry_context, regime_context } = given
        const row = { id, token_chain, token_contract, token_ticker, timeframe, side, entry_context, regime_context }
        return { status: 'opened', position: shown(insertPosition(db, row as MemoryPosition)) }
      }),
    async read(positionId) {
      const row = positionsOf(db).get(positionId)
      return row ? shown(row) : null
    },
    record: async (execution) => db.transaction(() => recordExecution(db, execution, flatTradeOf)),
    async tradeAfter(execution) {
      const before = positionsOf(db).get(execution.position_id)
      if (!before || executionsOf(db).get(execution.id)) return null
      const applied = applyExecution(db, execution, before, flatTradeOf)
      if ('status' in applied || !isFlat(applied.p)) return null
      return flatTradeOf(db, applied.p, MANY_BARS, { kind: execution.kind, executed_at: applied.at })
    },
    exit: async (execution, trade, claim) =>
      db.transaction(() => {
        const answer = recordExecution(db, execution, flatTradeOf, true)
        return answer.status === 'recorded' ? { ...answer, close: closeTrade(db, trade, claim) } : answer
      }),
    async flatTrade(positionId) {
      const row = positionsOf(db).get(positionId)
      return row && isOver(row) ? flatTradeOf(db, row) : null
    },
    flatTrades: async (timeframe, after, limit) =>
      running(timeframe)
        .filter((p) => p.id > after && isOver(p))
        .slice(0, limit)
        .map((p) => flatTradeOf(db, p, FEW_BARS)),
    close: async (trade, claim) => db.transaction(() => closeTrade(db, trade, claim)),
    lateTrades: async (timeframe, after, limit) => db.transaction(() => lateTrades(db, timeframe, after, limit)),
    scoreLate: async ({ event, score }, { relay, leaseMs }) =>
      db.transaction((): ScoreAnswer => {
        const noted = provisionalOf(db).get(event.event_id)
        const known = newestOf(db, event.event_id)
        if (!noted || !known || isSettled(known, noted) || isBehindLog(db, known)) return { status: 'superseded' }
        if (known.revision !== event.revision - 1) return { status: 'superseded' }
        const added = addRow(db, event, { relay, leaseMs })
        if (!added) return { status: 'superseded' }
        provisionalOf(db).remove(event.event_id)
        const p = positionsOf(db).get(event.position_id)
        if (p && isCompleted(p, noted.trade_id)) {
          const scored = { ...asJson(score), revision: event.revision }
          const completed_trades = p.completed_trades.map((t) =>
            t.trade_id === noted.trade_id ? { ...t, ...scored } : t,
          )
          writePosition(db, p.id, { completed_trades })
        }
        return { status: 'scored', outbox: handedOut(added) as OutboxRow }
      }),
    confirmScores: async (notes) =>
      db.transaction(() => {
        for (const [id, revision] of notes)
          if (provisionalOf(db).get(id)?.revision === revision) provisionalOf(db).remove(id)
      }),
    otherTimeframes: async (known) => {
      const trades = [...running(), ...provisionalOf(db).rows()].map((row) => row.timeframe)
      const aside = strandTables(db).setAside.rows()
      const scopes = aside.filter((a) => a.kind === 'position').map((a) => a.scope)
      return [...new Set([...trades, ...scopes])].filter((timeframe) => !known.includes(timeframe)).sort(compare)
    },
    setAside: async (timeframe, positions) =>
      db.transaction(() => {
        const { setAside } = strandTables(db)
        const named = new Set(positions.map(([id]) => id))
        for (const a of setAside.rows())
          if (a.kind === 'position' && a.scope === timeframe && !named.has(a.id))
            setAside.remove(setAsideKey(a.kind, a.id))
        for (const [id, reason] of positions) {
          const attempts = (setAside.get(setAsideKey('position', id))?.attempts ?? 0) + 1
          const row = { kind: 'position' as const, id, scope: timeframe, reason, attempts, retry_at: null }
          setAside.put(setAsideKey('position', id), row)
        }
      }),
    event: async (eventId) => knownEvent(db, eventId),
  }
}

/** Position, outbox row and the note to score it again. */
function closeTrade(db: MemoryDatabase, trade: ScoredTrade, { relay, leaseMs }: RelayClaim): CloseAnswer {
  const p = positionsOf(db).get(trade.position_id)
  if (!p) return { status: 'unknown_position' }
  const { event, completed_trade, traceparent } = trade
  if (!isOpen(p) || tradeIdOf(p) !== trade.trade_id) {
    const known = knownEvent(db, event.event_id)
    return { status: known ? 'already_closed' : 'changed', event: known } as CloseAnswer
  }
  if (!isFlat(p)) return { status: 'not_flat', left: p.total_quantity } as CloseAnswer
  if (fingerprintOf(p) !== trade.fingerprint) return { status: 'changed' }
  if (!(event.entry_price > 0 && event.exit_price > 0)) return { status: 'invalid' }
  // Somebody else's record of it may have come first, under another name: it is that name which the log knows.
  const event_id = nameTrade(db, event)
  const completed = { ...asJson(completed_trade), event_id }
  writePosition(db, p.id, {
    status: statusOf(p.status, false),
    current_trade_id: null,
    total_quantity: 0,
    settled_entry: p.first_entry_timestamp,
    closed_at: event.closed_at,
    completed_trades: isCompleted(p, trade.trade_id) ? p.completed_trades : [...p.completed_trades, completed],
  })
  const added = insertEvent(db, event, { relay, leaseMs }, traceparent)
  if (added && trade.waits_until !== null)
    noteProvisional(db, event, trade.side, trade.score_later ? null : event.revision, trade.waits_until)
  if (!added) return { status: 'closed', outbox: null, event: knownEvent(db, event_id) as PositionClosed }
  return { status: 'closed', outbox: handedOut(added) as OutboxRow }
}

/** Its newest revision, provisional only while it is. */
function knownEvent(db: MemoryDatabase, eventId: string): PositionClosed | null {
  const event = newestEvent(db, eventId) as PositionClosed | null // of an old one, what there is
  if (!event?.provisional) return event
  const noted = provisionalOf(db).get(eventId)
  const still = noted !== undefined && (noted.revision ?? event.revision) === event.revision
  return still ? event : { ...event, provisional: false }
}

/** Somebody else scored, corrected or retracted it; or it had a score, long ago. */
function isSettled({ revision, payload }: MemoryOutboxRow, noted: Provisional): boolean {
  if (payload === null) return true
  return noted.revision === null ? payload.rr !== null || payload.voided : revision !== noted.revision
}

function lateTrades(db: MemoryDatabase, timeframe: string, after: string, limit: number): LateTrades {
  const noted = provisionalOf(db)
  const now = db.now()
  const found = noted
    .rows()
    .filter((u) => u.timeframe === timeframe && u.event_id > after)
    .sort((a, b) => compare(a.event_id, b.event_id))
    .flatMap((u) => {
      const newest = newestOf(db, u.event_id)
      if (!newest) return []
      const bars = barsOfTrade(db, u)
      const exit = exitBars(db, u)
      const settled = isSettled(newest, u)
      const of = { u, event: newest.payload, settled: settled || isBehindLog(db, newest), bars, exit }
      const reached = exit.exit_bar !== null || exit.later_bar
      const isNew = u.revision === null ? bars.length > 0 : reached || u.waits_until <= now || settled
      return isNew ? [{ ...of, reached }] : []
    })
    .slice(0, limit)
  const trades = found.map(({ u, event, settled, bars, exit, reached }): LateTrade => {
    const scored = u.revision !== null
    if (settled) noted.remove(u.event_id)
    else if (!scored && !reached && bars.length !== u.bars_seen) noted.put(u.event_id, { ...u, bars_seen: bars.length })
    return {
      ...exit,
      event_id: u.event_id,
      position_id: u.position_id,
      event: asJson(event) as PositionClosed,
      side: u.side,
      revision: u.revision,
      bars: settled || bars.length > FEW_BARS ? null : bars.map(barRow),
      now,
      over: u.waits_until <= now && (scored || (!reached && bars.length === u.bars_seen)),
      settled,
    }
  })
  return {
    trades,
    provisional: noted.rows().filter((u) => u.timeframe === timeframe && u.revision !== null).length,
  }
}
