/** Entry and regime contexts as people and other programs send them. */
import { splitEntryContext } from '../../core/event.ts'
import { MAX_CONTEXT_BYTES, MAX_LEVER_BYTES } from '../../core/validation.ts'

export const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/** Postgres can store it, in text and in jsonb: no U+0000, no half of a surrogate pair. */
export const wellFormed = (text: string): boolean => !text.includes('\0') && text.isWellFormed()

/** Every text of a JSON value is well-formed, the names of its fields too. */
export function allWellFormed(value: unknown): boolean {
  if (typeof value === 'string') return wellFormed(value)
  if (typeof value !== 'object' || value === null) return true
  return Object.entries(value).every(([name, item]) => wellFormed(name) && allWellFormed(item))
}

/** What is wrong with a context ("is …"), or null. The bounds are those of the learner, which would refuse the trade when it closes. */
export function checkContext(value: unknown): string | null {
  if (!isObject(value)) return 'is not an object'
  const { levers, measures } = splitEntryContext(value)
  let size = 0
  for (const [name, item] of [...Object.entries(levers), ...Object.entries(measures)]) {
    if (!wellFormed(name) || (typeof item === 'string' && !wellFormed(item))) return 'is not well-formed text'
    if (typeof item === 'string' && item.length > MAX_LEVER_BYTES)
      return `has a value of more than ${MAX_LEVER_BYTES} characters`
    size += name.length + (typeof item === 'string' ? item.length : 8)
  }
  return size > MAX_CONTEXT_BYTES ? `has more than ${MAX_CONTEXT_BYTES} bytes` : null
}

/** A map of texts, as the event carries it: numbers and booleans written out, anything else left out. */
export function textMap(value: unknown): Record<string, string> {
  if (!isObject(value)) return {}
  const scalars = Object.entries(value).filter(([, v]) => ['string', 'number', 'boolean'].includes(typeof v))
  return Object.fromEntries(scalars.map(([k, v]) => [k, String(v)]))
}
