/** Records that nobody can apply, one of each kind, from a good event. */
import type { Dice } from '../dice.ts'
import { type ClosedTrade, toBytes } from './event.ts'

export interface RawRecord {
  key: string | null
  value: Buffer | null
  partition?: number
}

type Poison = (event: ClosedTrade, schemaId: number) => RawRecord

const HOUR_MS = 3_600_000
const NO_SCHEMA = 987_654

const changed =
  (change: (event: ClosedTrade) => Partial<ClosedTrade>): Poison =>
  (event, schemaId) => ({ key: event.position_id, value: toBytes({ ...event, ...change(event) }, schemaId) })

const bytes =
  (change: (value: Buffer) => Buffer | null): Poison =>
  (event, schemaId) => ({ key: event.position_id, value: change(toBytes(event, schemaId)) })

const POISONS: Poison[] = [
  bytes(() => null),
  bytes(() => Buffer.from('no event at all')),
  bytes((value) => value.subarray(0, 3)),
  bytes((value) => value.subarray(0, value.length - 12)),
  bytes((value) => Buffer.concat([value, Buffer.from([1, 2, 3])])),
  bytes((value) => {
    const other = Buffer.from(value)
    other.writeInt32BE(NO_SCHEMA, 1)
    return other
  }),
  (event, schemaId) => ({ key: null, value: toBytes(event, schemaId) }),
  changed(() => ({ rr: Number.NaN })),
  changed(() => ({ rr: Number.NEGATIVE_INFINITY })),
  changed(() => ({ rr: 10.5 })),
  changed(() => ({ measures: { mcap_at_entry: Number.POSITIVE_INFINITY } })),
  changed(() => ({ closed_at: Date.now() + HOUR_MS })),
  changed(() => ({ closed_at: 0 })),
  changed(() => ({ revision: -1 })),
  changed(() => ({ event_id: '' })),
]

export const poisonOf = (dice: Dice, event: ClosedTrade, schemaId: number): RawRecord =>
  dice.pick(POISONS)(event, schemaId)
