/** Decodes the Confluent wire format into the fields that a reader asks for, whatever released schema the writer used. */
import type avro from 'avsc'
import { LRUCache } from 'lru-cache'
import { systemClock } from '../clock.ts'
import { StrandlineError } from '../errors.ts'
import { type BodyReader, createBodyReader, type ReadBody } from './body-reader.ts'
import { DecodeError } from './codec.ts'
import type { RegistryClient } from './registry.ts'
import { createUnknownSchemas, type UnknownSchemaTimeout, unknownSchemaTimeout } from './unknown-schemas.ts'

/**
 * Answers at once when the writer's schema is known (all but the first record of a schema), else after asking the registry.
 * Errors: DecodeError; REGISTRY_SCHEMA_UNKNOWN while it is not certain that a schema is unknown; REGISTRY_UNREACHABLE, REGISTRY_REJECTED.
 * @param writtenAt when the record was written, by the log: ms
 */
export interface Decode<T> {
  (value: Buffer | null, writtenAt?: number): T | Promise<T>
  /** Asks after all schemas of these values that are due, several at once: garbage has many, and one after the other they take their time. Never throws. */
  ahead?(values: readonly (Buffer | null)[]): Promise<void>
}

/** Questions to the registry. */
const MOST_AT_ONCE = 16

export interface DecoderOptions {
  unknownSchemas?: UnknownSchemaTimeout
  now?: () => number
}

/** Behind the magic byte and the schema's id. */
const BODY = 5

/** How long a schema is believed to be none of ours: a registry may be put right, and garbage must not become a flood of requests. */
const FOREIGN_TTL_MS = 30_000

export function createDecoder<T>(
  registry: RegistryClient,
  reader: avro.Type | BodyReader<T>,
  { unknownSchemas = unknownSchemaTimeout(), now = systemClock.now }: DecoderOptions = {},
): Decode<T> {
  const readerOf = typeof reader === 'function' ? reader : createBodyReader<T>(reader)
  const readers = new Map<number, ReadBody<T>>()
  let refusals: LRUCache<number, DecodeError> | undefined
  const foreign = () =>
    (refusals ??= new LRUCache<number, DecodeError>({
      max: 10_000,
      ttl: FOREIGN_TTL_MS,
      perf: { now },
      ttlResolution: 0, // otherwise a timer remembers the time
    }))
  const unknown = createUnknownSchemas(unknownSchemas)
  const asking = new Map<number, Promise<ReadBody<T> | null>>()
  /** Ids under which the registry had something else, before it had one of ours. */
  const others = new Set<number>()
  const said = (id: number) => (others.has(id) ? `has schema ${id} of something else` : `does not know schema ${id}`)

  /** Asks the registry; null when it denies the id, or may be another registry. Those who ask at the same time share the answer. */
  function ask(id: number): Promise<ReadBody<T> | null> {
    const open = asking.get(id) ?? learn(id).finally(() => asking.delete(id))
    asking.set(id, open)
    return open
  }

  async function learn(id: number): Promise<ReadBody<T> | null> {
    let writer: Awaited<ReturnType<RegistryClient['writerType']>>
    try {
      writer = await registry.writerType(id)
    } catch (error) {
      unknown.unanswered()
      throw error
    }
    if (writer === null) {
      others.delete(id)
      unknown.denied(id, now())
      return null
    }
    try {
      if (writer === 'foreign') throw new Error('it is no Avro schema')
      const read = readerOf(writer)
      unknown.found(id)
      readers.set(id, read)
      return read
    } catch (cause) {
      // A registry that has given us none of ours may be another one than the producers': it counts as little as one that does not know the id.
      if (readers.size === 0) {
        others.add(id)
        unknown.denied(id, now())
        return null
      }
      if (!others.has(id)) unknown.found(id) // it was never denied
      const refusal = new DecodeError('unknown_schema', `schema ${id} is not one of a PositionClosed`, cause)
      foreign().set(id, refusal)
      throw refusal
    }
  }

  /** The registry denies the id. What that means for a record. */
  function denied(id: number, writtenAt?: number): Error {
    const { unknown: certain, since, times } = unknown.verdict(id, now(), writtenAt)
    if (certain) return new DecodeError('unknown_schema', `the registry ${said(id)}`)
    return new StrandlineError(
      'REGISTRY_SCHEMA_UNKNOWN',
      `The schema registry says that it ${said(id)}, since ${new Date(since).toISOString()} (asked ${times} times). The record waits.`,
      {
        todo: `Is it the registry that the producers use, and up to date? If it says so for ${Math.round(unknownSchemas.afterMs / 1000)} s, the record goes to the dead-letter topic.`,
      },
    )
  }

  async function ahead(values: readonly (Buffer | null)[]): Promise<void> {
    const ids = new Set(values.filter((v) => v !== null && v.length >= 6 && v[0] === 0).map((v) => v!.readInt32BE(1)))
    const due = [...ids].filter((id) => id >= 0 && !readers.has(id) && !refusals?.has(id) && unknown.due(id, now()))
    const questions = Array.from({ length: MOST_AT_ONCE }, async () => {
      for (let id = due.pop(); id !== undefined; id = due.pop()) await ask(id)
    })
    await Promise.allSettled(questions) // who decodes gets the error
  }

  const decode: Decode<T> = (value, writtenAt) => {
    if (value === null || value.length === 0) throw new DecodeError('empty_value', 'the record has no value')
    if (value[0] !== 0) throw new DecodeError('bad_magic', `starts with byte ${value[0]}, not with 0`)
    if (value.length < 6) throw new DecodeError('truncated', `only ${value.length} bytes`)
    const id = value.readInt32BE(1)
    if (id < 0) throw new DecodeError('unknown_schema', `no registry gives the schema id ${id}`)
    const read = readers.get(id)
    if (read) return read(value, BODY)
    const refusal = refusals?.get(id)
    if (refusal) throw refusal
    if (!unknown.due(id, now())) throw denied(id, writtenAt)
    return ask(id).then((found) => {
      if (found) return found(value, BODY, true)
      throw denied(id, writtenAt)
    })
  }
  decode.ahead = ahead
  return decode
}
