/** Requests against their schemas: nothing is coerced, filled in or taken away. */
import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js'
import { parseTime } from '../../domain/time.ts'
import type { ErrorCode } from '../errors.ts'
import type { Schema } from './operation.ts'
import { type Part, refusalOf } from './sentence.ts'

/** Also for the schemas of answers. */
export function createAjv(): Ajv2020 {
  return new Ajv2020({
    verbose: true,
    allowUnionTypes: true,
    strictTuples: false, // a list of five or six
    formats: { 'date-time': (text: string) => parseTime(text) !== null },
  })
}

/** A check as fastify calls it: {error} where the value is no such thing. */
export type Check = (value: unknown) => { value: unknown } | { error: Error }

export function createCheck(ajv: Ajv2020, code: ErrorCode, part: Part, schema: Schema): Check {
  const validate: ValidateFunction = ajv.compile(schema)
  return (value) => {
    if (validate(value)) return { value }
    return { error: refusalOf(code, part, schema, validate.errors!.at(-1)!) }
  }
}
