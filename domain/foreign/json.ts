/**
 * Values that other programs wrote: JSON where it should be, JSON as text, Decimals as texts, numbers beyond JavaScript's. Pure.
 * Functions that read a value throw EVENT_INVALID, naming it, where it is there and cannot be read.
 */
import { StrandlineError } from '../../core/errors.ts'
import { isObject } from '../is-object.ts'
import { wellFormed } from '../limits.ts'

export type Fields = Record<string, unknown>

/** A sentence about what was read: "The …". */
export const invalid = (what: string) =>
  new StrandlineError('EVENT_INVALID', `${what[0]!.toUpperCase()}${what.slice(1)}.`)

/** Python writes NaN and Infinity, which JSON does not have. */
const PYTHON_NUMBERS = /"(?:[^"\\]|\\.)*"|-?\b(?:NaN|Infinity)\b/g
/** More digits than JavaScript's numbers keep: nanoseconds, ids of 64 bits. */
const LONG_NUMBER = /\d{16}/

/** JSON of a database or of Python: whole numbers that JavaScript cannot hold become texts of their digits, NaN and Infinity texts. null: it is no JSON. */
export function parseForeignJson(text: string): { value: unknown } | null {
  const json = /NaN|Infinity/.test(text)
    ? text.replace(PYTHON_NUMBERS, (token) => (token[0] === '"' ? token : `"${token}"`))
    : text
  try {
    return { value: LONG_NUMBER.test(json) ? JSON.parse(json, keepDigits) : JSON.parse(json) }
  } catch {
    return null
  }
}

function keepDigits(_key: string, value: unknown, context?: { source?: string }): unknown {
  const digits = context?.source
  return typeof value === 'number' && digits && /^-?\d+$/.test(digits) && !Number.isSafeInteger(value) ? digits : value
}

/** What a text holds as JSON, also where JSON was written as text twice; anything else is itself. A text that is no JSON holds undefined. */
export function decoded(value: unknown): unknown {
  if (typeof value !== 'string') return value
  const once = parseForeignJson(value)?.value
  return typeof once === 'string' ? parseForeignJson(once)?.value : once
}

export function objectOf(value: unknown): Fields | null {
  const object = decoded(value)
  return isObject(object) ? object : null
}

/** A list; one object stands for the list of it. */
export function listOf(value: unknown): unknown[] {
  const list = decoded(value)
  return Array.isArray(list) ? list : isObject(list) ? [list] : []
}

/** The first of these fields that is there, looking through the places in order. */
export function pick(places: Fields[], names: string[]): unknown {
  for (const place of places)
    for (const name of names) if (place[name] !== undefined && place[name] !== null) return place[name]
  return undefined
}

/** The first text that is not empty. */
export function firstText(...values: unknown[]): string {
  for (const value of values) if (textOf(value) !== '') return textOf(value)
  return ''
}

export function textOf(value: unknown): string {
  if (typeof value === 'number' && Number.isFinite(value)) return String(value)
  return typeof value === 'string' && wellFormed(value) ? value : ''
}

/** Python writes Decimals as texts. */
export function numberOf(value: unknown, name: string): number | null {
  if (value === undefined || value === null) return null
  const number =
    typeof value === 'number' ? value : typeof value === 'string' && value.trim() !== '' ? Number(value) : Number.NaN
  if (!Number.isFinite(number)) throw invalid(`${name} is ${shown(value)}, not a finite number`)
  return number
}

export function priceOf(value: unknown, name: string): number | null {
  const number = numberOf(value, name)
  if (number !== null && number <= 0) throw invalid(`${name} is ${number}, not above 0`)
  return number
}

/** A value in a sentence. */
export const shown = (value: unknown): string => String(JSON.stringify(value)).slice(0, 80).toWellFormed()
