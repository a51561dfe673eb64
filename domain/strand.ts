/**
 * PositionClosed to the `position_closed` strand that readers of `ad_strands` know. Pure: the same event is always the same row, so a replay
 * changes nothing. Prices are in the event's quote currency, `return`, `net_return`, `max_drawdown` and `max_gain` are ratios, times ISO 8601 UTC.
 */
import { eventUuid, type PositionClosed } from './event.ts'
import { startOf } from './limits.ts'

/** One closed trade, in the shape of an element of `lowcap_positions.completed_trades`. */
export interface StrandTrade {
  trade_id: string
  entry_price: number
  exit_price: number
  entry_timestamp: string
  exit_timestamp: string
  decision_type: string
  rr: number | null
  return: number | null
  max_drawdown: number | null
  max_gain: number | null
  unscored_reason: string | null
  /** Where the event says it. */
  net_return?: number
}

export interface StrandContent {
  position_id: string
  trade_id: string
  /** Contract address, or the symbol where the trade has no contract. */
  token: string
  token_contract: string
  chain: string
  timeframe: string
  /** When the position closed. */
  ts: string
  decision_type: string
  /** Levers and measures as the one flat object that the PM had. */
  entry_context: Record<string, string | number>
  completed_trades: StrandTrade[]
  trade_summary: StrandTrade & { entry_context: Record<string, string | number>; hold_time_days: number }
}

/** A row of `ad_strands`, as `strandline_projector_commit` takes it. */
export interface StrandRow {
  id: string
  module: 'pm'
  kind: 'position_closed'
  symbol: string
  timeframe: string
  tags: string[]
  target_agent: string
  created_at: string
  position_id: string
  trade_id: string
  content: StrandContent
  regime_context: Record<string, string>
  status: 'active' | 'voided'
  metadata: {
    projected_by: 'strandline'
    event_id: string
    revision: number
    source: string
    topic: string
    partition: number
    offset: number
  }
}

/** Where in the log the event lies. */
export interface LogPlace {
  topic: string
  partition: number
  offset: number
}

const DAY_MS = 86_400_000
/** The end of year 9999: beyond it ISO 8601 gets a sign that Postgres does not read. */
const LAST_MS = 253_402_300_799_999
/** Postgres' B-tree entries end near 2,700 bytes; a longer id stays whole in `content`. */
const MAX_COLUMN_ID_BYTES = 512

/** The id of the one strand of a trade. A foreign producer's event_id may be any text; the strand id is bounded. */
export function strandId(event_id: string): string {
  return `position_closed_${eventUuid(event_id)}`
}

/** Postgres can store every character but U+0000, in text and in jsonb. */
function storable(text: string): string {
  return text.includes('\0') ? text.replaceAll('\0', '\ufffd') : text
}

function columnId(text: string): string {
  return Buffer.byteLength(text) <= MAX_COLUMN_ID_BYTES ? text : `${startOf(text, 64)}~${eventUuid(text)}`
}

function isoTime(ms: number): string {
  return new Date(Math.min(Math.max(ms, 0), LAST_MS)).toISOString()
}

function storableMap<T extends string | number>(map: Record<string, T>): Record<string, T> {
  return Object.fromEntries(
    Object.entries(map).map(([name, value]) => [
      storable(name),
      typeof value === 'string' ? (storable(value) as T) : value,
    ]),
  )
}

/** @param event valid (core/validation); what that leaves open (ids of any length, an odd `opened_at`) still becomes a row that Postgres takes. */
export function strandOf(event: PositionClosed, place: LogPlace): StrandRow {
  const closed_at = isoTime(event.closed_at)
  const trade_id = storable(event.trade_id)
  const position_id = storable(event.position_id)
  const decision_type = storable(event.decision_type)
  const token_contract = storable(event.token_contract)
  const entry_context = storableMap<string | number>({ ...event.levers, ...event.measures })
  const trade: StrandTrade = {
    trade_id,
    entry_price: event.entry_price,
    exit_price: event.exit_price,
    entry_timestamp: isoTime(event.opened_at),
    exit_timestamp: closed_at,
    decision_type,
    rr: event.rr,
    return: event.return,
    max_drawdown: event.max_drawdown,
    max_gain: event.max_gain,
    unscored_reason: event.unscored_reason === null ? null : storable(event.unscored_reason),
    ...(event.net_return === null ? {} : { net_return: event.net_return }),
  }
  return {
    id: strandId(event.event_id),
    module: 'pm',
    kind: 'position_closed',
    symbol: storable(event.symbol) || token_contract,
    timeframe: storable(event.timeframe),
    tags: ['position_closed', 'pm', 'learning'],
    target_agent: 'learning_system',
    created_at: closed_at,
    position_id: columnId(position_id),
    trade_id: columnId(trade_id),
    content: {
      position_id,
      trade_id,
      token: token_contract || storable(event.symbol),
      token_contract,
      chain: storable(event.chain),
      timeframe: storable(event.timeframe),
      ts: closed_at,
      decision_type,
      entry_context,
      completed_trades: [trade],
      trade_summary: { ...trade, entry_context, hold_time_days: (event.closed_at - event.opened_at) / DAY_MS },
    },
    regime_context: storableMap(event.regime_context),
    status: event.voided ? 'voided' : 'active',
    metadata: {
      projected_by: 'strandline',
      event_id: storable(event.event_id),
      revision: event.revision,
      source: storable(event.source),
      ...place,
    },
  }
}
