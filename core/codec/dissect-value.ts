/** The value of a record taken apart as far as it goes: the frame of the wire format, which schema that is, and the body. Never fails. */
import { isUtf8 } from 'node:buffer'
import type avro from 'avsc'
import { explain } from '../errors.ts'
import { type Dissected, dissect } from './dissect.ts'
import { positionClosedType } from './position-closed-codec.ts'
import type { RegistryClient } from './registry.ts'

export type { DissectedField } from './dissect.ts'

export type DissectedValue =
  /** The record has no value, or one of no bytes. */
  | { format: 'none' }
  /** It does not begin with byte 0, and is text, or something else. */
  | { format: 'text'; text: string }
  | { format: 'bytes' }
  /** It begins with byte 0, and is too short for the id of a schema. */
  | { format: 'frame'; why: string }
  | ({ format: 'avro'; schema: ValueSchema } & Dissected)

export interface ValueSchema {
  id: number
  /** As the registry has it; null where it has none, or could not be asked. */
  name: string | null
  /** What is wrong with it; null: nothing. */
  problem: string | null
  /** The body was read with the schema of this build instead: a guess. */
  guessed: boolean
}

const ID_AT = 1
const BODY_AT = 5

/** @param registry null: nobody says where it is */
export async function dissectValue(
  value: Buffer | null,
  registry: Pick<RegistryClient, 'writerType'> | null,
): Promise<DissectedValue> {
  if (value === null || value.length === 0) return { format: 'none' }
  if (value[0] !== 0) return isUtf8(value) ? { format: 'text', text: value.toString() } : { format: 'bytes' }
  if (value.length < BODY_AT)
    return { format: 'frame', why: `the id of its schema takes 4 bytes, and ${value.length - ID_AT} follow` }
  const id = value.readInt32BE(ID_AT)
  const { type, problem } = await writerOf(id, registry)
  const body = dissect(type ?? positionClosedType, value, BODY_AT)
  return { format: 'avro', schema: { id, name: type?.name ?? null, problem, guessed: type === null }, ...body }
}

async function writerOf(
  id: number,
  registry: Pick<RegistryClient, 'writerType'> | null,
): Promise<{ type: avro.Type | null; problem: string | null }> {
  if (id < 0) return { type: null, problem: 'no registry gives such an id' }
  if (!registry) return { type: null, problem: 'no schema registry is named (SCHEMA_REGISTRY_URL)' }
  try {
    const type = await registry.writerType(id)
    if (type === null) return { type, problem: 'the registry does not know it' }
    if (type === 'foreign') return { type: null, problem: 'what the registry has under it is no Avro schema' }
    return { type, problem: type.name === positionClosedType.name ? null : `it is none of ${positionClosedType.name}` }
  } catch (error) {
    return { type: null, problem: explain(error) }
  }
}
