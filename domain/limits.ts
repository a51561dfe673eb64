/**
 * How long the texts of an event may be: the one place that says so, for whoever closes a trade, imports one, learns from it or folds it again.
 * All lengths are bytes of UTF-8. What is too long costs its own part, never the trade: a lever value beyond MAX_KEY_BYTES is no value, and an
 * interaction whose key would be longer is left out for that trade (domain/learning/model.ts). Pure.
 */
import { StrandlineError } from '../core/errors.ts'
import { type PositionClosed, splitEntryContext } from './event.ts'
import { OPTIONAL_NUMBERS, problemOfNumber } from './trade-numbers.ts'

/** Identities: event, position, trade. */
export const MAX_ID_BYTES = 512
/** The key of a group, `%` and `|` of an interaction's values escaped, and so one lever value. PostgreSQL's B-tree takes index rows of up to 2,704 bytes. */
export const MAX_KEY_BYTES = 2_000
/** All levers and measures of one event together, names included; and its regime context. A record of a broker holds 1 MB by default. */
export const MAX_CONTEXT_BYTES = 65_536
/** A measure in a context. */
const NUMBER_BYTES = 8
/** Names in a sentence, and in `left_out`. */
const SHOWN = 64

export const byteLength = (text: string): number => Buffer.byteLength(text)

/** Whether a text has more bytes than a group key may have; the length in code units decides most cases without counting. */
export const isOverlong = (text: string): boolean =>
  text.length > MAX_KEY_BYTES || (text.length > MAX_KEY_BYTES / 3 && Buffer.byteLength(text) > MAX_KEY_BYTES)

/** Postgres can store it, in text and in jsonb: no U+0000, no half of a surrogate pair. */
export const wellFormed = (text: string): boolean => !text.includes('\0') && text.isWellFormed()

/** The start of a text, for people: never half a character, nor U+0000, which no database takes. */
export const startOf = (text: string, most: number): string => text.slice(0, most).replaceAll('\0', '').toWellFormed()

/** The start of a name. */
export const shortName = (name: string): string => startOf(name, SHOWN)

/** One thing that cannot be kept: the name of the field, and what is wrong with it ("has … bytes, … are allowed"). */
export interface Excess {
  field: string
  problem: string
}

interface Kept<T> {
  kept: Record<string, T>
  excess: Excess[]
}

/** The fields of a flat map that fit, in their order as far as there is room for all, and the others. */
function fitting<T extends string | number>(map: Record<string, T>, room: { bytes: number }): Kept<T> {
  const kept: Record<string, T> = {}
  const excess: Excess[] = []
  for (const [name, value] of Object.entries(map)) {
    const problem = problemOf(name, value)
    const bytes = byteLength(name) + (typeof value === 'string' ? byteLength(value) : NUMBER_BYTES)
    if (problem) excess.push({ field: shortName(name), problem })
    else if (bytes > room.bytes)
      excess.push({
        field: shortName(name),
        problem: `has ${bytes} bytes, and the whole has more than the ${MAX_CONTEXT_BYTES} that are allowed`,
      })
    else {
      room.bytes -= bytes
      kept[name] = value
    }
  }
  return { kept, excess }
}

function problemOf(name: string, value: string | number): string | null {
  if (isOverlong(name)) return `has a name of ${byteLength(name)} bytes, ${MAX_KEY_BYTES} are allowed`
  if (!wellFormed(name)) return 'has a name that is not well-formed text'
  if (typeof value === 'number') return Number.isFinite(value) ? null : `is ${value}, not a finite number`
  if (isOverlong(value)) return `has ${byteLength(value)} bytes, ${MAX_KEY_BYTES} are allowed`
  return wellFormed(value) ? null : 'is not well-formed text'
}

export interface FittedContext {
  levers: Record<string, string>
  measures: Record<string, number>
  excess: Excess[]
}

/** Levers and measures of a flat entry context that an event can carry, and what it cannot. */
export function fitContext(context: Record<string, unknown>): FittedContext {
  const { levers, measures } = splitEntryContext(context)
  const infinite = Object.entries(context)
    .filter(([, value]) => typeof value === 'number' && !Number.isFinite(value))
    .map(([name, value]) => ({ field: shortName(name), problem: `is ${value}, not a finite number` }))
  const fitted = fitMaps(levers, measures)
  return { ...fitted, excess: [...infinite, ...fitted.excess] }
}

function fitMaps(levers: Record<string, string>, measures: Record<string, number>): FittedContext {
  const room = { bytes: MAX_CONTEXT_BYTES }
  const numbers = fitting(measures, room) // small, and buckets are derived from them
  const texts = fitting(levers, room)
  return { levers: texts.kept, measures: numbers.kept, excess: [...texts.excess, ...numbers.excess] }
}

const IDENTITIES = ['position_id', 'trade_id', 'timeframe', 'event_id'] as const
const TEXTS = ['symbol', 'token_contract', 'chain', 'decision_type', 'source', 'unscored_reason'] as const

/**
 * The event as the log takes it and every reader keeps it: texts that are too long are empty, fields of its contexts that are too long or no
 * text are left out, and so is a number that is none; `left_out` names them.
 * Errors: EVENT_INVALID for an identity that is too long or none: it cannot be cut.
 */
export function fitEvent(event: PositionClosed): { event: PositionClosed; excess: Excess[] } {
  for (const name of IDENTITIES) {
    const bytes = byteLength(event[name])
    if (bytes === 0 && name !== 'trade_id') throw invalid(`The ${name} is empty.`)
    if (bytes > MAX_ID_BYTES) throw invalid(`The ${name} has ${bytes} bytes, ${MAX_ID_BYTES} are allowed.`)
    if (!wellFormed(event[name])) throw invalid(`The ${name} is not well-formed text.`)
  }
  const excess: Excess[] = []
  const texts: Partial<PositionClosed> = {}
  for (const name of TEXTS) {
    const problem = problemOf(name, event[name] ?? '')
    if (!problem) continue
    texts[name] = ''
    excess.push({ field: name, problem })
  }
  const numbers: Partial<PositionClosed> = {}
  for (const name of OPTIONAL_NUMBERS) {
    const value = event[name] ?? null
    const problem = value === null ? null : problemOfNumber(name, value)
    if (!problem) continue
    numbers[name] = null
    excess.push({ field: name, problem })
  }
  const { levers, measures, excess: ofContext } = fitMaps(event.levers, event.measures)
  const regime = fitting(event.regime_context, { bytes: MAX_CONTEXT_BYTES })
  excess.push(...ofContext, ...regime.excess.map((e) => ({ ...e, field: `regime_context.${e.field}` })))
  if (excess.length === 0) return { event, excess }
  const left_out = [...new Set([...(event.left_out ?? []), ...excess.map((e) => e.field)])]
  return { event: { ...event, ...texts, ...numbers, levers, measures, regime_context: regime.kept, left_out }, excess }
}

const invalid = (message: string) =>
  new StrandlineError('EVENT_INVALID', message, { todo: 'Correct it where the trade comes from.' })
