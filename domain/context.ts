/** Entry and regime contexts as people and other programs send them. */
import { isObject } from './is-object.ts'
import type { Model } from './learning/model.ts'
import { overlongKeys } from './learning/overlong-keys.ts'
import { fitContext, MAX_KEY_BYTES, wellFormed } from './limits.ts'
import { problemOfNumber } from './trade-numbers.ts'

/** More than any id that a table holds, and little enough for a line of a log. */
const MAX_POSITION_ID = 1_000

/** What is wrong with an id that a request names a position by ("has …"), or null. Rows that others inserted are found whatever their id looks like. */
export function checkPositionId(id: string): string | null {
  if (!wellFormed(id)) return 'has a character that no database keeps (U+0000, or half of a surrogate pair)'
  return id.length > MAX_POSITION_ID ? `has more than ${MAX_POSITION_ID} characters` : null
}

/** Every text of a JSON value is well-formed, the names of its fields too. */
export function allWellFormed(value: unknown): boolean {
  if (typeof value === 'string') return wellFormed(value)
  if (typeof value !== 'object' || value === null) return true
  return Object.entries(value).every(([name, item]) => wellFormed(name) && allWellFormed(item))
}

/**
 * What is wrong with an entry or regime context ("is …", "has …"), or null. A trade that closes with such a context is closed without what is too
 * long, or no risk; whoever can still be told is told.
 * @param models that must be able to take it
 */
export function checkContext(value: unknown, models: readonly Model[]): string | null {
  if (!isObject(value)) return 'is not an object'
  if (!allWellFormed(value)) return 'is not well-formed text'
  const { levers, measures, excess } = fitContext(value)
  const [first] = excess
  if (first) return `has a field '${first.field}' that ${first.problem}`
  const [long] = overlongKeys(models, { timeframe: '', levers, measures })
  return long
    ? `has values that make the key of the ${long.name} of ${long.model} longer than the ${MAX_KEY_BYTES} bytes that are allowed`
    : null
}

/** The same of an entry context, whose number `risk_at_entry` becomes the event's. */
export function checkEntryContext(value: unknown, models: readonly Model[]): string | null {
  const wrong = checkContext(value, models)
  if (wrong) return wrong
  const { risk_at_entry: risk } = value as Record<string, unknown>
  const problem = typeof risk === 'number' ? problemOfNumber('risk_at_entry', risk) : null
  return problem && `has a field 'risk_at_entry' that ${problem}`
}

/** A map of texts, as the event carries it: numbers and booleans written out, anything else left out. */
export function textMap(value: unknown): Record<string, string> {
  if (!isObject(value)) return {}
  const scalars = Object.entries(value).filter(([, v]) => ['string', 'number', 'boolean'].includes(typeof v))
  return Object.fromEntries(scalars.map(([k, v]) => [k, String(v)]))
}
