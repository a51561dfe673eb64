/** The codec of any event type: avsc for the bytes, the registry for the ids. */
import { readFileSync } from 'node:fs'
import avro from 'avsc'
import type { EventType } from '../../domain/event-type.ts'
import type { Config } from '../config.ts'
import { StrandlineError } from '../errors.ts'
import type { Codec } from './codec.ts'
import { createDecoder } from './decoder.ts'
import { createRegistryClient, type RegistryClient } from './registry.ts'
import { type UnknownSchemaTimeout, unknownSchemaTimeout } from './unknown-schemas.ts'

export interface EventSchema {
  /** As the registry gets it. */
  text: string
  avro: avro.Type
}

/** The schema that the code writes and reads. */
export function schemaOf({ schema }: EventType): EventSchema {
  const text = readFileSync(new URL(`../../schemas/${schema}`, import.meta.url), 'utf8')
  return { text, avro: avro.Type.forSchema(JSON.parse(text)) }
}

export interface CodecOptions {
  registry?: RegistryClient
  unknownSchemas?: UnknownSchemaTimeout
  now?: () => number
}

/** @param config its topic is the one that the events are written to */
export function createEventCodec<Event extends { event_id: string }>(
  { text, avro: type }: EventSchema,
  config: Pick<Config, 'registry' | 'topic'>,
  {
    registry = createRegistryClient(config.registry),
    unknownSchemas = unknownSchemaTimeout(config.registry.unknownAfterMs),
    now,
  }: CodecOptions = {},
): Codec<Event> {
  const decode = createDecoder<Event>(registry, type, { unknownSchemas, now })
  let schemaId: Promise<number> | undefined

  return {
    async encode(event) {
      let invalid: string | undefined
      const valid = type.isValid(event, {
        errorHook: (path, value) => {
          invalid ??= `${path.join('.')} is ${typeof value === 'object' ? JSON.stringify(value) : String(value)}`
        },
      })
      if (!valid)
        throw new StrandlineError('EVENT_INVALID', `Event ${event.event_id} does not fit the schema: ${invalid}.`)
      schemaId ??= registry.register(`${config.topic}-value`, text)
      let id: number
      try {
        id = await schemaId
      } catch (error) {
        schemaId = undefined // the next event asks again
        throw error
      }
      return frame(id, type.toBuffer(event))
    },
    decode: async (value, writtenAt) => decode(value, writtenAt),
    ahead: async (values) => decode.ahead?.(values),
  }
}

/** Confluent wire format: byte 0, schema id, body. */
export function frame(schemaId: number, body: Buffer): Buffer {
  const out = Buffer.allocUnsafe(5 + body.length)
  out[0] = 0
  out.writeInt32BE(schemaId, 1)
  body.copy(out, 5)
  return out
}
