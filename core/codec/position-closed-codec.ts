/** The codec of PositionClosed: avsc for the bytes, the registry for the ids. */
import { readFileSync } from 'node:fs'
import avro from 'avsc'
import type { PositionClosed } from '../../domain/event.ts'
import type { Config } from '../config.ts'
import { StrandlineError } from '../errors.ts'
import type { Codec } from './codec.ts'
import { createDecoder } from './decoder.ts'
import { createRegistryClient, type RegistryClient } from './registry.ts'
import { type UnknownSchemaTimeout, unknownSchemaTimeout } from './unknown-schemas.ts'

const SCHEMA_FILE = new URL('../../schemas/position-closed.avsc', import.meta.url)
export const positionClosedSchema = readFileSync(SCHEMA_FILE, 'utf8')
/** Every field of the event, in the schema's order. */
export const EVENT_FIELDS = (
  JSON.parse(positionClosedSchema) as { fields: { name: keyof PositionClosed }[] }
).fields.map((f) => f.name)
export const positionClosedType = avro.Type.forSchema(JSON.parse(positionClosedSchema))

export function createCodec(
  config: Pick<Config, 'registry' | 'topic'>,
  registry: RegistryClient = createRegistryClient(config.registry),
  unknownSchemas: UnknownSchemaTimeout = unknownSchemaTimeout(config.registry.unknownAfterMs),
  now?: () => number,
): Codec {
  const decode = createDecoder<PositionClosed>(registry, positionClosedType, { unknownSchemas, now })
  let schemaId: Promise<number> | undefined

  return {
    async encode(event) {
      let invalid: string | undefined
      const valid = positionClosedType.isValid(event, {
        errorHook: (path, value) => {
          invalid ??= `${path.join('.')} is ${typeof value === 'object' ? JSON.stringify(value) : String(value)}`
        },
      })
      if (!valid)
        throw new StrandlineError('EVENT_INVALID', `Event ${event.event_id} does not fit the schema: ${invalid}.`)
      schemaId ??= registry.register(`${config.topic}-value`, positionClosedSchema)
      let id: number
      try {
        id = await schemaId
      } catch (error) {
        schemaId = undefined // the next event asks again
        throw error
      }
      return frame(id, positionClosedType.toBuffer(event))
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

/** A reader type with only the named fields: everything else is skipped, not decoded. */
export function projectionOf(fields: readonly (keyof PositionClosed)[]): avro.Type {
  const schema = JSON.parse(positionClosedSchema) as { fields: { name: string }[] }
  return avro.Type.forSchema({
    ...schema,
    fields: schema.fields.filter((f) => fields.includes(f.name as keyof PositionClosed)),
  } as avro.Schema)
}
