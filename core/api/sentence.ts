/** What a JSON Schema says against a request, as one sentence that names the field, and what to do. Pure. */
import type { ErrorObject } from 'ajv'
import { shown } from '../../domain/shown.ts'
import { type ErrorCode, StrandlineError } from '../errors.ts'
import type { Schema } from './operation.ts'

export type Part = 'body' | 'params' | 'querystring'

/** Names of fields in a sentence. */
const MOST_NAMES = 5

/** @param error with its data and the schema around it (ajv's `verbose`) */
export function refusalOf(code: ErrorCode, part: Part, schema: Schema, error: ErrorObject): StrandlineError {
  const { owner, field, described } = placeOf(part, schema, error.instancePath)
  const say = (message: string, todo?: string) => new StrandlineError(code, message, { todo })
  const what = field === '' ? owner : `${owner}${possessive(part, owner)}${field}`
  const around = error.parentSchema as Schema
  switch (error.keyword) {
    case 'additionalProperties': {
      const known = Object.keys((around.properties ?? {}) as Schema)
      const unknown = Object.keys(error.data as object).filter((name) => !known.includes(name))
      const names = unknown.slice(0, MOST_NAMES).map((name) => shown(name))
      const more = unknown.length > names.length ? ` and ${unknown.length - names.length} more` : ''
      const many = unknown.length > 1
      if (part !== 'body')
        return say(
          `There is no parameter ${names.join(', ')}${more}.`,
          known.length === 0 ? 'It takes none.' : hintAt(unknown[0] as string, known),
        )
      return say(
        `${what} has ${many ? 'fields' : 'a field'} that there ${many ? 'are' : 'is'} not: ${names.join(', ')}${more}.`,
        hintAt(unknown[0] as string, known),
      )
    }
    case 'required': {
      const name = (error.params as { missingProperty: string }).missingProperty
      const { description } = ((around.properties ?? {}) as Record<string, Schema>)[name] ?? {}
      return say(`${what} has no ${name}.`, description === undefined ? undefined : `${name}: ${description}`)
    }
    case 'anyOf': {
      const ways = (around.anyOf as { required?: string[] }[]).map(({ required = [] }) => required.join(' and '))
      return say(`${what} has neither ${ways.join(' nor ')}.`, `Give ${ways.join(', or ')}.`)
    }
    case 'type':
      if (error.instancePath === '' && part === 'body')
        return say(`${owner} is not a JSON object.`, `Send an object with ${requiredOf(schema).join(', ')}.`)
      if (field === '') return say(`${owner} is not an object.`, described)
  }
  const { enum: words } = around as { enum?: unknown[] }
  return say(
    `${what} is ${shown(error.data)}.`,
    error.keyword === 'enum' && words ? `Use one of: ${words.filter((w) => w !== null).join(', ')}.` : described,
  )
}

interface Place {
  /** "The execution": of the nearest value around it that has a name. */
  owner: string
  /** As its owner has it: bars[3][1]; empty: it is the owner itself. */
  field: string
  /** "price: a number above 0.", where the schema has such words. */
  described: string | undefined
}

function placeOf(part: Part, root: Schema, instancePath: string): Place {
  let owner = part === 'body' ? nameOf(root) : 'The parameter'
  let field = ''
  let words: string | undefined
  let schema: Schema | undefined = root
  for (const segment of instancePath.split('/').slice(1).map(unescaped)) {
    const list: boolean = schema?.type === 'array'
    schema = schema && inner(schema, segment)
    field += list ? `[${segment}]` : field === '' ? segment : `.${segment}`
    if (typeof schema?.description === 'string') words = `${field}: ${schema.description}`
    if (typeof schema?.title === 'string') {
      owner = nameOf(schema)
      field = ''
    }
  }
  return { owner, field, described: words }
}

function inner(schema: Schema, segment: string): Schema | undefined {
  const { properties, additionalProperties, prefixItems, items } = schema as {
    properties?: Record<string, Schema>
    additionalProperties?: Schema | boolean
    prefixItems?: Schema[]
    items?: Schema
  }
  if (schema.type === 'array') return prefixItems?.[Number(segment)] ?? items
  if (properties && Object.hasOwn(properties, segment)) return properties[segment]
  return typeof additionalProperties === 'object' ? additionalProperties : undefined
}

const nameOf = ({ title }: Schema) =>
  typeof title === 'string' ? `The ${title.charAt(0).toLowerCase()}${title.slice(1)}` : 'The request'
const possessive = (part: Part, owner: string) => (part === 'body' ? (owner.endsWith('s') ? "' " : "'s ") : ' ')
const unescaped = (segment: string) => segment.replaceAll('~1', '/').replaceAll('~0', '~')
const requiredOf = (schema: Schema): string[] => (schema.required as string[] | undefined) ?? Object.keys(schema)

function hintAt(unknown: string, known: string[]): string {
  const near = known.find((name) => isNear(unknown.toLowerCase(), name))
  return near ? `Is ${near} meant?` : `Those that there are: ${known.join(', ')}.`
}

/** One slip of the fingers: a character too many, too few, or another one; two neighbours swapped. */
function isNear(typed: string, name: string): boolean {
  if (Math.abs(typed.length - name.length) > 1) return false
  let at = 0
  while (at < typed.length && typed[at] === name[at]) at++
  const rest = (text: string, from: number) => text.slice(at + from)
  if (rest(typed, 1) === rest(name, 1) || rest(typed, 1) === rest(name, 0) || rest(typed, 0) === rest(name, 1))
    return true
  return typed[at] === name[at + 1] && typed[at + 1] === name[at] && rest(typed, 2) === rest(name, 2)
}
