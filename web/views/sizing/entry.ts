/** The entry context as a person types it, and as the address has it. Pure. */
import type { MeasureField } from '../../../page/sizing/contexts.ts'

export type EntryContext = Record<string, unknown>

export type ReadEntry = { context: EntryContext; problem?: undefined } | { problem: string }

/** That it is flat, and its values short, is said by the server. */
export function readEntry(text: string): ReadEntry {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (error) {
    return { problem: `This is no JSON: ${(error as Error).message}` }
  }
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? { context: value as EntryContext }
    : { problem: 'This is JSON, but no object: write {"name": "value", …}.' }
}

/** A field a line; what is no context stays as it is. */
export function pretty(text: string): string {
  const { context } = readEntry(text) as { context?: EntryContext }
  return context ? JSON.stringify(context, null, 2) : text
}

/** The same in as few characters as it takes. */
export function compact(text: string): string {
  const { context } = readEntry(text) as { context?: EntryContext }
  return context ? JSON.stringify(context) : text
}

/** What a server takes for sure as a part of an address. */
const LONGEST = 6_000
export const fitsAddress = (text: string): boolean =>
  new URLSearchParams({ context: compact(text) }).toString().length <= LONGEST

/** The same context with another value of a field, where it stands; undefined takes it away. */
export function withField(context: EntryContext, field: string, value: string | number | undefined): string {
  const { [field]: before, ...others } = context
  if (value === undefined) return JSON.stringify(others, null, 2)
  return JSON.stringify(
    before === undefined ? { ...context, [field]: value } : replaced(context, field, value),
    null,
    2,
  )
}

const replaced = (context: EntryContext, field: string, value: string | number) =>
  Object.fromEntries(Object.entries(context).map(([name, old]) => [name, name === field ? value : old]))

/** The word that a number stands for; undefined: it is none. */
export function wordOf({ edges, words }: MeasureField['bands'][number], value: unknown): string | undefined {
  if (typeof value !== 'number' || Number.isNaN(value)) return undefined
  return words[edges.filter((edge) => value >= edge).length]
}

/** A number where the text is one; else the text, and the server says what is wrong with it. */
export function numberOr(text: string): number | string {
  const value = Number(text)
  return text.trim() !== '' && Number.isFinite(value) ? value : text
}
