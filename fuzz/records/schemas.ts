/** What a registry may have under an id: our schema, ones that evolved from it, others, and nothing. The registry of the run, in memory. */
import { readFileSync } from 'node:fs'
import avro from 'avsc'
import { positionClosedSchema } from '../../core/codec/position-closed-codec.ts'
import type { RegistryClient } from '../../core/codec/registry.ts'
import { StrandlineError } from '../../core/errors.ts'
import type { PositionClosed } from '../../domain/event.ts'
import type { Dice } from '../dice.ts'

interface Field {
  name: string
  type: unknown
  default?: unknown
}
interface RecordSchema {
  type: 'record'
  name: string
  namespace?: string
  fields: Field[]
}

const ours = () => JSON.parse(positionClosedSchema) as RecordSchema
const changed = (change: (fields: Field[]) => Field[], more: Partial<RecordSchema> = {}): RecordSchema => {
  const schema = ours()
  return { ...schema, fields: change(schema.fields), ...more }
}
const retyped = (types: Record<string, unknown>) =>
  changed((fields) => fields.map((f) => (f.name in types ? { name: f.name, type: types[f.name] } : f)))

export const OURS = 1

/** Writers' schemas that a reader of ours can resolve, and how an event looks in them. */
export const READABLE: { about: string; schema: object; written?(event: PositionClosed, dice: Dice): object }[] = [
  { about: 'ours', schema: ours() },
  {
    about: 'fields of a later version between ours',
    schema: changed((fields) => [
      { name: 'slippage', type: ['null', 'double'], default: null },
      ...fields.slice(0, 9),
      { name: 'notes', type: { type: 'array', items: 'string' }, default: [] },
      { name: 'kind', type: { type: 'enum', name: 'Kind', symbols: ['A', 'B'] }, default: 'A' },
      { name: 'digest', type: { type: 'fixed', name: 'Digest', size: 16 } },
      ...fields.slice(9),
    ]),
    written: (event, dice) => ({
      ...event,
      slippage: dice.chance(0.5) ? null : dice.next(),
      notes: Array.from({ length: dice.below(5) }, () => 'note'),
      kind: dice.pick(['A', 'B']),
      digest: Buffer.alloc(16, dice.below(256)),
    }),
  },
  {
    about: 'the first version',
    schema: JSON.parse(
      readFileSync(new URL('../../schemas/released/position-closed.v1.avsc', import.meta.url), 'utf8'),
    ) as object,
  },
  { about: 'another order of fields', schema: changed((fields) => fields.reverse()) },
  {
    about: 'narrower numbers',
    schema: retyped({
      closed_at: 'long',
      rr: ['null', 'float'],
      entry_price: 'float',
      measures: { type: 'map', values: 'float' },
    }),
  },
  {
    about: 'texts as bytes',
    schema: retyped({ event_id: 'bytes', timeframe: 'bytes', levers: { type: 'map', values: 'bytes' } }),
    written: (event) => ({
      ...event,
      event_id: Buffer.from(event.event_id),
      timeframe: Buffer.from(event.timeframe),
      levers: Object.fromEntries(Object.entries(event.levers).map(([name, value]) => [name, Buffer.from(value)])),
    }),
  },
  {
    about: 'whole numbers for measures',
    schema: retyped({ measures: { type: 'map', values: 'long' } }),
    written: (event) => ({
      ...event,
      measures: Object.fromEntries(Object.entries(event.measures).map(([name, value]) => [name, Math.trunc(value)])),
    }),
  },
  {
    about: 'only what has no default',
    schema: changed((fields) => fields.filter((f) => f.default === undefined)),
  },
  {
    about: 'a list that holds itself',
    schema: changed((fields) => [
      ...fields,
      {
        name: 'chain_of',
        type: ['null', { type: 'record', name: 'Link', fields: [{ name: 'next', type: ['null', 'Link'] }] }],
        default: null,
      },
    ]),
    written(event, dice) {
      let chain_of: object | null = null
      for (let depth = dice.chance(0.02) ? 3_000 : dice.below(20); depth > 0; depth--) chain_of = { next: chain_of }
      return { ...event, chain_of }
    },
  },
]

/** Schemas under which no PositionClosed can be read: the registry has them, and they are none of ours. */
const UNREADABLE: (object | string)[] = [
  'string',
  'null',
  { type: 'array', items: 'string' },
  { type: 'map', values: 'double' },
  { type: 'enum', name: 'PositionClosed', symbols: ['A'] },
  { type: 'record', name: 'Order', fields: [{ name: 'id', type: 'string' }] },
  changed((fields) => fields.filter((f) => f.name !== 'event_id')),
  retyped({ revision: 'string' }),
  retyped({ closed_at: 'double' }),
  retyped({ levers: { type: 'map', values: ['null', 'string'] } }),
]

/** First ids of a kind. */
const READABLE_FROM = OURS
const UNREADABLE_FROM = 100
const FOREIGN = [200, 201] // JSON Schema, Protobuf
/** Ids of which the registry gives no answer at the first time: it is restarting. */
const SLOW_FROM = 300
const UNKNOWN_FROM = 1_000

export const READABLE_TYPES = READABLE.map(({ schema }) => avro.Type.forSchema(schema as avro.Schema))
const UNREADABLE_TYPES = UNREADABLE.map((schema) => avro.Type.forSchema(schema as avro.Schema))

/** Id of a readable schema; the same schema has a second one, of which the registry gives no answer at first. */
export const readableId = (index: number, slow: boolean) => (slow ? SLOW_FROM : READABLE_FROM) + index

/** An id under which nothing of ours can be read. */
export function unreadableId(dice: Dice): number {
  switch (dice.below(4)) {
    case 0:
      return UNREADABLE_FROM + dice.below(UNREADABLE.length)
    case 1:
      return dice.pick(FOREIGN)
    case 2:
      return dice.pick([-1, -(2 ** 31), 2 ** 31 - 1, 0])
    default:
      return UNKNOWN_FROM + dice.below(3_000)
  }
}

export function createRunRegistry(): RegistryClient {
  const answered = new Set<number>()
  return {
    register: async () => OURS,
    async writerType(id) {
      if (id >= SLOW_FROM && id < SLOW_FROM + READABLE.length) {
        if (!answered.has(id)) {
          answered.add(id)
          throw new StrandlineError('REGISTRY_UNREACHABLE', 'The registry of the run is restarting.')
        }
        return READABLE_TYPES[id - SLOW_FROM]!
      }
      if (FOREIGN.includes(id)) return 'foreign'
      return READABLE_TYPES[id - READABLE_FROM] ?? UNREADABLE_TYPES[id - UNREADABLE_FROM] ?? null
    },
  }
}
