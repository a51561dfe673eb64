/** Avro schemas: parsing them, telling them apart, and whether data of one can be read with another. */
import avro from 'avsc'
import { isNestedTooDeep } from '../../core/nesting.ts'
import { invalidSchema } from './errors.ts'
import type { Reference } from './records.ts'

export const LEVELS = [
  'NONE',
  'BACKWARD',
  'BACKWARD_TRANSITIVE',
  'FORWARD',
  'FORWARD_TRANSITIVE',
  'FULL',
  'FULL_TRANSITIVE',
] as const
export type Level = (typeof LEVELS)[number]

/** A record in a record takes four levels of JSON. */
const MAX_SCHEMA_NESTING = 500

/** A schema's text and those that it refers to, in the order in which they must be known. */
export interface SchemaText {
  schema: string
  references: string[]
}

/** Errors: 42201. */
export function parseSchema({ schema, references }: SchemaText): avro.Type {
  const registry: Record<string, avro.Type> = {}
  try {
    // Wrapped unions only: the automatic choice differs between two schemas and would hide or invent differences.
    for (const reference of references) avro.Type.forSchema(JSON.parse(reference), { registry, wrapUnions: true })
    return avro.Type.forSchema(JSON.parse(schema), { registry, wrapUnions: true })
  } catch (error) {
    throw invalidSchema(`${(error as Error).message}`)
  }
}

/** The text as it is kept: without white space. Errors: 42201. */
export function canonicalText(schema: string): string {
  let parsed: unknown
  try {
    parsed = JSON.parse(schema)
  } catch (error) {
    throw invalidSchema(`it is not JSON (${(error as Error).message})`)
  }
  if (isNestedTooDeep(parsed, MAX_SCHEMA_NESTING))
    throw invalidSchema(`it is nested deeper than ${MAX_SCHEMA_NESTING} levels`)
  return JSON.stringify(parsed)
}

/** Equal for two schemas that differ in white space and in the order of their attributes only. */
export function schemaIdentity(schema: string, references: Reference[] = []): string {
  const sorted = (_: string, value: unknown) =>
    typeof value === 'object' && value !== null && !Array.isArray(value)
      ? Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)))
      : value
  return JSON.stringify([JSON.parse(schema), references], sorted)
}

/**
 * Why `next` may not follow `previous` (rising versions) at this level; empty when it may. BACKWARD: `next` reads what was written before;
 * FORWARD: earlier schemas read what `next` writes; FULL: both; _TRANSITIVE: against all versions, not only the last.
 */
export function incompatibilities(
  level: Level,
  next: SchemaText,
  previous: (SchemaText & { version: number })[],
): string[] {
  if (level === 'NONE') return []
  const against = level.endsWith('_TRANSITIVE') ? previous : previous.slice(-1)
  const nextType = parseSchema(next)
  return against.flatMap((old) => {
    const oldType = parseSchema(old)
    const backward = level.startsWith('FORWARD') ? undefined : cannotRead(nextType, oldType)
    const forward = level.startsWith('BACKWARD') ? undefined : cannotRead(oldType, nextType)
    return [
      ...(backward ? [`the new schema cannot read data of version ${old.version}: ${backward}`] : []),
      ...(forward ? [`version ${old.version} cannot read data of the new schema: ${forward}`] : []),
    ]
  })
}

function cannotRead(reader: avro.Type, writer: avro.Type): string | undefined {
  try {
    reader.createResolver(writer)
    return undefined
  } catch (error) {
    return (error as Error).message
  }
}
