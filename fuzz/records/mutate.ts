/** One record of the run: a good trade, changed in one way or several. The same number of a seed is always the same record. */
import type { LogRecord } from '../../core/log/log.ts'
import type { PositionClosed } from '../../domain/event.ts'
import type { RejectReason } from '../../domain/validation.ts'
import { createDice, type Dice } from '../dice.ts'
import { changeBytes } from './bytes.ts'
import { expectedReasons } from './expected.ts'
import { ODD_NUMBERS, ODD_TIMES, oddText } from './odd-values.ts'
import { READABLE, READABLE_TYPES, readableId, unreadableId } from './schemas.ts'
import { seedEvent, WRITTEN_AT } from './seed-events.ts'
import { writeFields } from './write-fields.ts'

/** Kinds of change, and how many of a hundred records have each. */
export const KINDS = {
  none: 16,
  bytes: 26,
  schema: 14,
  values: 18,
  encoding: 12,
  size: 0.05,
  key: 3,
  headers: 4,
  timestamp: 4,
  tombstone: 2,
} as const
export type Kind = keyof typeof KINDS

export interface FuzzRecord extends Omit<LogRecord, 'offset'> {
  kind: Kind
  /**
   * The only reasons for which it may be refused; it must be, where there is one, and applied, where there is none. undefined: either may happen, for
   * whichever reason, since nobody can say what changed bytes mean.
   */
  reasons?: RejectReason[]
}

export function makeRecord(seed: number, number: number): FuzzRecord {
  const dice = createDice(seed, 'record', number)
  const event = seedEvent(dice)
  const kind = dice.weighed(KINDS)
  const good = { kind, key: Buffer.from(event.position_id), timestamp: WRITTEN_AT, headers: {} }
  const checked = (changed: Partial<FuzzRecord>, of: PositionClosed = event): FuzzRecord => {
    const record = { ...good, value: written(of), ...changed }
    return { ...record, reasons: expectedReasons(of, record.key, record.timestamp) }
  }
  switch (kind) {
    case 'none':
      return checked({})
    case 'bytes':
      return { ...good, value: changeBytes(written(event), dice, () => written(seedEvent(dice))) }
    case 'schema':
      return ofSchema(event, good, dice)
    case 'values':
      return withValues(event, checked, dice)
    case 'encoding':
      return { ...good, value: framed(1, writeFields(event, dice)) }
    case 'size':
      return withSize(event, checked, dice)
    case 'key':
      return checked({ key: oddKey(dice) })
    case 'headers':
      return checked({ headers: oddHeaders(dice) })
    case 'timestamp':
      return checked({
        timestamp: dice.pick([
          -1,
          0,
          1,
          event.closed_at,
          event.closed_at - 300_000,
          event.closed_at - 300_001,
          ...ODD_TIMES,
        ]),
      })
    case 'tombstone':
      return { ...good, value: dice.chance(0.5) ? null : Buffer.alloc(0), reasons: ['empty_value'] }
  }
}

const written = (event: PositionClosed) => framed(1, READABLE_TYPES[0]!.toBuffer(event))

function framed(id: number, body: Buffer): Buffer {
  const head = Buffer.alloc(5)
  head.writeInt32BE(id, 1)
  return Buffer.concat([head, body])
}

type Good = Omit<FuzzRecord, 'value'>

/** Under another schema: one that is readable, body and all; or an id that belongs to something else. */
function ofSchema(event: PositionClosed, good: Good, dice: Dice): FuzzRecord {
  if (dice.chance(0.35))
    return { ...good, value: framed(unreadableId(dice), written(event).subarray(5)), reasons: ['unknown_schema'] }
  const index = dice.below(READABLE.length)
  const { written: as } = READABLE[index]!
  const body = READABLE_TYPES[index]!.toBuffer(as?.(event, dice) ?? event)
  if (dice.chance(0.8))
    return {
      ...good,
      value: framed(readableId(index, dice.chance(0.1)), body),
      reasons: expectedReasons(event, good.key, good.timestamp),
    }
  return { ...good, value: framed(readableId(dice.below(READABLE.length), false), body) } // the body of another one
}

const NUMBERS = [
  'rr',
  'return',
  'max_drawdown',
  'max_gain',
  'entry_price',
  'exit_price',
  'net_return',
  'fees',
  'stake',
  'risk_at_entry',
] as const
const TIMES = ['opened_at', 'closed_at'] as const
const TEXTS = [
  'event_id',
  'position_id',
  'trade_id',
  'symbol',
  'token_contract',
  'chain',
  'timeframe',
  'decision_type',
  'source',
  'unscored_reason',
] as const

function withValues(
  event: PositionClosed,
  checked: (c: Partial<FuzzRecord>, of: PositionClosed) => FuzzRecord,
  dice: Dice,
): FuzzRecord {
  const changed = { ...event, levers: { ...event.levers }, measures: { ...event.measures } }
  for (let changes = 1 + dice.below(3); changes > 0; changes--)
    switch (dice.below(7)) {
      case 0:
        changed[dice.pick(NUMBERS)] = dice.pick(ODD_NUMBERS)
        break
      case 1:
        changed[dice.pick(TIMES)] = dice.pick(ODD_TIMES)
        break
      case 2:
        changed[dice.pick(TEXTS)] = oddText(dice)
        break
      case 3:
        put(
          changed.levers,
          dice.chance(0.5) ? dice.pick(['curator', 'chain', 'mcap_bucket']) : oddText(dice),
          oddText(dice),
        )
        break
      case 4:
        put(
          changed.measures,
          dice.chance(0.7) ? dice.pick(['vol_at_entry', 'mcap_at_entry', 'age_at_entry']) : oddText(dice),
          dice.pick(ODD_NUMBERS),
        )
        break
      case 5:
        changed.revision = dice.pick([-1, -(2 ** 31), 2 ** 31 - 1, 1, 7])
        break
      case 6:
        changed.voided = !changed.voided
    }
  return checked({ value: written(changed) }, changed)
}

/** As an own property, whatever its name: that is how it is written. */
function put<T>(map: Record<string, T>, name: string, value: T): void {
  if (name === '__proto__') return // no object of JavaScript's has it: `encoding` writes it
  map[name] = value
}

/** Maps of thousands of entries, long keys, long texts: large for a record, and below what a broker takes. */
function withSize(
  event: PositionClosed,
  checked: (c: Partial<FuzzRecord>, of: PositionClosed) => FuzzRecord,
  dice: Dice,
): FuzzRecord {
  const entries = <T>(n: number, value: (i: number) => T) =>
    Object.fromEntries(Array.from({ length: n }, (_, i) => [`${'k'.repeat(dice.below(8))}${i}`, value(i)]))
  const changed = { ...event }
  switch (dice.below(5)) {
    case 0:
      changed.levers = { ...event.levers, ...entries(10_000, () => 'x') }
      break
    case 1:
      changed.measures = { ...event.measures, ...entries(10_000, (i) => i / 3) }
      break
    case 2:
      changed.levers = { ...event.levers, curator: 'c'.repeat(1 + dice.below(300_000)) }
      break
    case 3:
      changed.levers = { ...event.levers, ['deep.'.repeat(dice.below(20_000))]: 'x' }
      break
    case 4:
      changed.regime_context = entries(5_000, () => 'y'.repeat(20))
  }
  return checked({ value: written(changed) }, changed)
}

function oddKey(dice: Dice): Buffer | null {
  return dice.pick([
    null,
    Buffer.alloc(0),
    Buffer.alloc(1),
    Buffer.alloc(10_000, 0xff),
    Buffer.from(oddText(dice)),
    Buffer.from('\0'),
  ])
}

const HEADERS = [
  'traceparent',
  'ce_id',
  'ce_recordedtime',
  'content-type',
  'strandline.reason',
  '__connect.errors.offset',
]

function oddHeaders(dice: Dice): LogRecord['headers'] {
  const value = () =>
    dice.pick([Buffer.alloc(0), Buffer.alloc(200, 0xfe), oddText(dice), [Buffer.from('a'), oddText(dice)]])
  const count = dice.chance(0.05) ? 1_000 : 1 + dice.below(5)
  const headers: [string, LogRecord['headers'][string]][] = Array.from({ length: count }, (_, i) => [
    dice.pick([...HEADERS, `h${count - i}`, oddText(dice)]),
    value(),
  ])
  if (dice.chance(0.2)) headers.push(['gone', undefined])
  return Object.fromEntries(headers) // also __proto__ becomes a property of its own, as kafkajs hands it over
}
