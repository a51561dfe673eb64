/** A closed trade as answers have it: schemas/position-closed.avsc, and what travels beside it. */
import { positionClosedSchema } from '../codec/position-closed-codec.ts'
import type { Schema } from './operation.ts'

type AvroType = string | { type: string; values?: string } | AvroType[]

const TYPES: Record<string, Schema> = {
  null: { type: 'null' },
  string: { type: 'string' },
  boolean: { type: 'boolean' },
  int: { type: 'integer' },
  long: { type: 'integer' },
  double: { type: 'number' },
}

function schemaOf(type: AvroType): Schema {
  if (typeof type === 'string') return TYPES[type] as Schema
  if (Array.isArray(type)) return { type: type.map((t) => schemaOf(t).type) }
  return type.type === 'map'
    ? { type: 'object', additionalProperties: TYPES[type.values as string] }
    : schemaOf(type.type)
}

function eventSchema(): Schema {
  const { doc, fields } = JSON.parse(positionClosedSchema) as {
    doc: string
    fields: { name: string; type: AvroType; doc: string }[]
  }
  return {
    title: 'Closed trade',
    description: doc,
    type: 'object',
    properties: {
      ...Object.fromEntries(fields.map(({ name, type, doc }) => [name, { ...schemaOf(type), description: doc }])),
      left_out: {
        type: 'array',
        items: { type: 'string' },
        description: 'Fields that were too long and are not in the event, where there are any.',
      },
    },
    // of one whose content is past its retention there is nothing else
    required: ['event_id', 'revision'],
    additionalProperties: false,
  }
}

export const EVENT: Schema = eventSchema()
