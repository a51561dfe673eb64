/** The codec of PositionClosed, and what of its schema others read. */
import avro from 'avsc'
import type { PositionClosed } from '../../domain/event.ts'
import { POSITION_CLOSED } from '../../domain/event-type.ts'
import type { Config } from '../config.ts'
import type { Codec } from './codec.ts'
import { createEventCodec, schemaOf } from './event-codec.ts'
import type { RegistryClient } from './registry.ts'
import type { UnknownSchemaTimeout } from './unknown-schemas.ts'

export { frame } from './event-codec.ts'

const schema = schemaOf(POSITION_CLOSED)
export const positionClosedSchema = schema.text
export const positionClosedType = schema.avro
/** Every field of the event, in the schema's order. */
export const EVENT_FIELDS = (
  JSON.parse(positionClosedSchema) as { fields: { name: keyof PositionClosed }[] }
).fields.map((f) => f.name)

export const createCodec = (
  config: Pick<Config, 'registry' | 'topic'>,
  registry?: RegistryClient,
  unknownSchemas?: UnknownSchemaTimeout,
  now?: () => number,
): Codec => createEventCodec<PositionClosed>(schema, config, { registry, unknownSchemas, now })

/** A reader type with only the named fields: everything else is skipped, not decoded. */
export function projectionOf(fields: readonly (keyof PositionClosed)[]): avro.Type {
  const schema = JSON.parse(positionClosedSchema) as { fields: { name: string }[] }
  return avro.Type.forSchema({
    ...schema,
    fields: schema.fields.filter((f) => fields.includes(f.name as keyof PositionClosed)),
  } as avro.Schema)
}
