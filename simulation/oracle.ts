/**
 * What must be learned, computed from the definitions in the docs, by itself: it shares no code with what closes, folds, checks or stores trades. What is
 * read of the log are its bytes; only Avro's own library decodes them.
 */
import { positionClosedType } from '../core/codec/position-closed-codec.ts'
import type { PositionClosed } from '../domain/event.ts'
import type { StoredRecord } from './log/broker.ts'
import type { PlannedTrade, Poison } from './planned.ts'

const DAY = 86_400_000
const BAR_MS = { '1m': 60_000, '15m': 900_000 }

export interface Scored {
  entry_price: number
  exit_price: number
  return: number
  /** null: no bar counts. */
  rr: number | null
}

const mean = (parts: { quantity: number; price: number }[]) =>
  parts.reduce((sum, p) => sum + p.quantity * p.price, 0) / parts.reduce((sum, p) => sum + p.quantity, 0)

/**
 * The score of a trade with these times, once all its bars are there.
 * @param corrected its entry price, where somebody has corrected it
 */
export function scoreOf(trade: PlannedTrade, opened: number, closed: number, corrected?: number): Scored {
  const entries = trade.executions
    .filter((e) => e.kind === 'buy' || e.kind === 'add')
    .map((e) => ({ ...e, quantity: e.quantity! }))
  let held = entries.reduce((sum, e) => sum + e.quantity, 0)
  const exits = trade.executions
    .filter((e) => e.kind === 'trim' || e.kind === 'emergency_exit')
    .map((e) => {
      const quantity = e.quantity ?? held
      held -= quantity
      return { ...e, quantity }
    })
  const [entry, exit] = [corrected ?? mean(entries), mean(exits)]
  const sign = trade.side === 'long' ? 1 : -1
  const gain = (price: number) => (sign * (price - entry)) / entry
  const length = BAR_MS[trade.timeframe]
  const bars = (trade.bars_at === null ? [] : trade.bars).filter(
    ({ start }) => (start < closed && start + length > opened) || (start <= opened && opened < start + length),
  )
  const scored = { entry_price: entry, exit_price: exit, return: gain(exit) }
  if (bars.length === 0) return { ...scored, rr: null }
  const drawdown = Math.max(0, ...[exit, ...bars.flatMap((b) => [b.low, b.high])].map((price) => -gain(price)))
  const rr = drawdown === 0 ? (gain(exit) > 0 ? 10 : 0) : Math.min(10, Math.max(-10, gain(exit) / drawdown))
  return { ...scored, rr }
}

/** What the log says: each event's revision that counts, and the records that must be refused. */
export interface LogContents {
  events: Map<string, PositionClosed>
  refused: { partition: number; offset: number; reason: Poison }[]
  duplicates: number
  corrections: number
}

/** @param schema the id under which our schema is registered */
export function readLog(all: { partition: number; record: StoredRecord }[], schema: number): LogContents {
  const contents: LogContents = { events: new Map(), refused: [], duplicates: 0, corrections: 0 }
  const revisions = new Set<string>()
  for (const { partition, record } of all) {
    if (record.state !== 'data') continue
    const event = eventOf(record, schema)
    if (typeof event === 'string') {
      contents.refused.push({ partition, offset: record.offset, reason: event })
      continue
    }
    const known = contents.events.get(event.event_id)
    const name = `${event.event_id} ${event.revision}`
    if (revisions.has(name)) contents.duplicates++
    else if (known) contents.corrections++
    revisions.add(name)
    if (!known || known.revision < event.revision) contents.events.set(event.event_id, event)
  }
  return contents
}

function eventOf({ key, value, timestamp }: StoredRecord, schema: number): PositionClosed | Poison {
  if (value === null || value.length === 0) return 'empty_value'
  if (value[0] !== 0) return 'bad_magic'
  if (value.length < 6) return 'truncated'
  if (value.readInt32BE(1) !== schema) return 'unknown_schema'
  let event: PositionClosed
  try {
    event = positionClosedType.fromBuffer(value.subarray(5)) as PositionClosed
  } catch {
    return 'not_avro' // or `truncated`: what is wrong first depends on who looks
  }
  if (key === null || key.length === 0) return 'null_key'
  if (event.event_id.length === 0 || event.event_id.length > 512) return 'id_invalid'
  if (event.event_id.includes('\0')) return 'text_invalid'
  if (event.revision < 0) return 'revision_invalid'
  if (event.rr !== null && !Number.isFinite(event.rr)) return 'rr_not_finite'
  if (event.rr !== null && Math.abs(event.rr) > 10) return 'rr_out_of_range'
  if (!(event.closed_at > 0)) return 'exit_time_invalid'
  if (event.closed_at > timestamp + 300_000) return 'exit_in_future'
  if (Object.values(event.measures).some((m) => !Number.isFinite(m))) return 'measure_not_finite'
  return { ...event, levers: { ...event.levers }, measures: { ...event.measures } }
}

export interface ExpectedCoefficient {
  n: number
  rr_short: number
  rr_long: number
  weight: number
}

/** Every coefficient of the model `lowcap-v4`, by `name key`; the baseline as `global `. */
export function coefficientsOf(events: Iterable<PositionClosed>): Map<string, ExpectedCoefficient> {
  const groups = new Map<string, { t: number; rr: number }[]>()
  for (const event of events) {
    if (event.voided || event.rr === null) continue
    for (const group of ['global ', ...groupsOf(event)])
      groups.set(group, [...(groups.get(group) ?? []), { t: event.closed_at, rr: event.rr }])
  }
  const decayed = (trades: { t: number; rr: number }[], tau: number) => {
    const newest = Math.max(...trades.map((x) => x.t))
    const weight = ({ t }: { t: number }) => Math.exp((t - newest) / tau)
    return trades.reduce((sum, x) => sum + weight(x) * x.rr, 0) / trades.reduce((sum, x) => sum + weight(x), 0)
  }
  const base = groups.has('global ') ? decayed(groups.get('global ')!, 14 * DAY) : 0
  return new Map(
    [...groups].map(([group, trades]) => {
      const rr_short = decayed(trades, 14 * DAY)
      const weight = base > 0 ? Math.min(2, Math.max(0.5, rr_short / base)) : 1
      return [group, { n: trades.length, rr_short, rr_long: decayed(trades, 90 * DAY), weight }]
    }),
  )
}

const CAP = {
  edges: [5e5, 1e6, 2e6, 5e6, 1e7, 5e7],
  words: ['<500k', '500k-1m', '1m-2m', '2m-5m', '5m-10m', '10m-50m', '50m+'],
}
const VOL = {
  edges: [1e4, 5e4, 1e5, 2.5e5, 5e5, 1e6],
  words: ['<10k', '10k-50k', '50k-100k', '100k-250k', '250k-500k', '500k-1m', '1m+'],
}
const RATIO = { edges: [0.1, 0.5, 1, 2, 5], words: ['<0.1', '0.1-0.5', '0.5-1.0', '1.0-2.0', '2.0-5.0', '5.0+'] }
const bucket = ({ edges, words }: { edges: number[]; words: string[] }, value: number) =>
  words[edges.filter((edge) => edge <= value).length]!

function groupsOf({ levers, measures, timeframe }: PositionClosed): string[] {
  const { mcap_at_entry: cap, vol_at_entry: vol } = measures
  const parts: [name: string, short: string, value: string | undefined][] = [
    ['curator', 'curator', levers.curator],
    ['chain', 'chain', levers.chain],
    ['cap', 'cap', cap === undefined ? undefined : bucket(CAP, cap)],
    ['vol', 'vol', vol === undefined ? undefined : bucket(VOL, vol)],
    ['age', 'age', levers.age_bucket?.trim().toLowerCase()],
    ['intent', 'intent', levers.intent],
    ['mapping_confidence', 'conf', levers.mapping_confidence],
    [
      'mcap_vol_ratio',
      'ratio',
      cap === undefined || vol === undefined ? undefined : vol === 0 ? '5.0+' : bucket(RATIO, cap / vol),
    ],
  ]
  const there = parts.filter(([, , value]) => value !== undefined && value !== '')
  const escaped = (value: string) => value.replaceAll('%', '%25').replaceAll('|', '%7C')
  const combined = there.map(([, short, value]) => `${short}=${escaped(value!)}`).sort()
  return [
    ...there.map(([name, , value]) => `${name} ${value}`),
    `timeframe ${timeframe}`,
    ...(combined.length > 0 ? [`interaction ${combined.join('|')}`] : []),
  ]
}
