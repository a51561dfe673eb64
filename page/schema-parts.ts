/** What the schemas of the page's answers are put together from. */
import type { Schema } from '../core/api/operation.ts'

export const WHOLE: Schema = { type: 'integer', minimum: 0 }

/** Nothing but these fields. @param optional those that may be left out */
export const record = (
  properties: Record<string, Schema>,
  description?: string,
  optional: Record<string, Schema> = {},
): Schema => ({
  type: 'object',
  additionalProperties: false,
  required: Object.keys(properties),
  properties: { ...properties, ...optional },
  ...(description === undefined ? {} : { description }),
})

export const list = (items: Schema, description?: string): Schema => ({
  type: 'array',
  items,
  ...(description === undefined ? {} : { description }),
})

export const orNull = (schema: Schema): Schema => ({ anyOf: [schema, { type: 'null' }] })
