/** Decodes the Confluent wire format into the fields that a reader asks for, whatever released schema the writer used. */
import type avro from 'avsc'
import { LRUCache } from 'lru-cache'
import { boundBlocks } from './bounded-blocks.ts'
import { DecodeError } from './codec.ts'
import type { RegistryClient } from './registry.ts'

boundBlocks()

/** Answers at once when the writer's schema is known (all but the first record of a schema), else after asking the registry. */
export type Decode<T> = (value: Buffer | null) => T | Promise<T>

type Resolver = ReturnType<avro.Type['createResolver']>
/** How long an id that the registry does not know is believed unknown: garbage must not become a flood of requests. */
const UNKNOWN_TTL_MS = 30_000

export function createDecoder<T>(registry: RegistryClient, reader: avro.Type): Decode<T> {
  const resolvers = new Map<number, Resolver | DecodeError>()
  const unknown = new LRUCache<number, true>({ max: 10_000, ttl: UNKNOWN_TTL_MS })

  function body(value: Buffer, resolver: Resolver | DecodeError): T {
    if (resolver instanceof DecodeError) throw resolver
    let decoded: { value: T; offset: number }
    try {
      decoded = reader.decode(value, 5, resolver) as { value: T; offset: number }
    } catch (cause) {
      throw new DecodeError('not_avro', `not the Avro body that its schema says: ${(cause as Error).message}`, cause)
    }
    if (decoded.offset < 0) throw new DecodeError('truncated', `the Avro body ends early (${value.length} bytes)`)
    if (decoded.offset !== value.length)
      throw new DecodeError('not_avro', `${value.length - decoded.offset} bytes after the end of the Avro body`)
    return decoded.value
  }

  async function learn(id: number): Promise<Resolver | DecodeError> {
    const writer = await registry.writerType(id)
    if (!writer) {
      unknown.set(id, true)
      return new DecodeError('unknown_schema', `the registry does not know schema ${id}`)
    }
    let found: Resolver | DecodeError
    try {
      found = reader.createResolver(writer)
    } catch (cause) {
      found = new DecodeError('unknown_schema', `schema ${id} is not one of a PositionClosed`, cause)
    }
    resolvers.set(id, found)
    return found
  }

  return (value) => {
    if (value === null || value.length === 0) throw new DecodeError('empty_value', 'the record has no value')
    if (value[0] !== 0) throw new DecodeError('bad_magic', `starts with byte ${value[0]}, not with 0`)
    if (value.length < 6) throw new DecodeError('truncated', `only ${value.length} bytes`)
    const id = value.readInt32BE(1)
    if (id < 0) throw new DecodeError('unknown_schema', `no registry gives the schema id ${id}`)
    const resolver = resolvers.get(id)
    if (resolver) return body(value, resolver)
    if (unknown.has(id)) throw new DecodeError('unknown_schema', `the registry does not know schema ${id}`)
    return learn(id).then((r) => body(value, r))
  }
}
