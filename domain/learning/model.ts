/**
 * A learning model (models/*.json): which levers and interactions a trade counts for. Pure.
 *
 * A lever reads its field of the entry context, trimmed; one with a vocabulary matches it without regard to case, and a value outside it is no value.
 * Where the field is absent or empty and the lever has a measure, the bucket is derived from it (lower edge inclusive).
 * A value that is longer than a key may be is no value, and an interaction whose key would be longer is left out: the trade counts in the rest.
 */
import type { PositionClosed } from '../event.ts'
import { isOverlong, MAX_KEY_BYTES } from '../limits.ts'

export interface LeverDefinition {
  name: string
  /** Field of the entry context. */
  field?: string
  /** Field of the event itself instead. */
  event_field?: 'timeframe'
  /** Name inside an interaction key; default: the lever's name. */
  short?: string
  vocabulary?: string[]
  /** Lower edges of vocabulary[1..], in the measure's unit. */
  edges?: number[]
  measure?: string | { numerator: string; denominator: string }
  unit?: string
}

export interface InteractionDefinition {
  name: string
  /** Names of levers. */
  members: string[]
  /** any: the members that have a value, at least one; all: only when every member has one. */
  present: 'any' | 'all'
}

export interface ModelDefinition {
  name: string
  module: string
  description?: string
  /** Which events the model learns from, by their `source`; absent: all. */
  sources?: { only?: string[]; except?: string[] }
  tau_days: { short: number; long: number }
  weight: { min: number; max: number }
  levers: LeverDefinition[]
  interactions: InteractionDefinition[]
}

/** What a model reads of an event. */
export type LeverSource = Pick<PositionClosed, 'timeframe' | 'levers' | 'measures'>

export type Scope = 'global' | 'lever' | 'interaction'

/** One group of trades: the baseline, a lever value or an interaction. */
export interface Group {
  scope: Scope
  name: string
  key: string
}

export interface Model {
  readonly definition: ModelDefinition
  /** SHA-256 of the definition, hex: state is only ever continued under the same one. */
  readonly hash: string
  accepts(source: string | undefined): boolean
  /** The value of each lever that has one, in the model's order. `leftOut` takes the names of levers whose value is too long. */
  leverValues(event: LeverSource, leftOut?: string[]): LeverValue[]
  /** The same, from texts: lever name to value. */
  valuesOf(values: ReadonlyMap<string, string>): LeverValue[]
  /** Baseline first, then levers in the model's order, then interactions. */
  groups(values: readonly LeverValue[]): Group[]
  /** The values of one trade together; the same object for the same ones, most of the time. */
  combination(values: readonly LeverValue[]): Combination
}

export interface Combination {
  /** `|lever=value|lever=value|` in the model's order, `%` and `|` of a value percent-encoded; empty without levers. */
  readonly levers: string
  /** Not to be changed. */
  readonly groups: Group[]
  /** Interactions whose key would be too long. */
  readonly leftOut: readonly string[]
}

/** A lever that has a value. One object for each value, whatever the number of trades that have it. */
export interface LeverValue {
  group: Group
  /** `lever=value`, `%` and `|` of the value percent-encoded. */
  part: string
  /** The same under the lever's short name: its part of an interaction key. */
  keyPart: string
}

export const BASELINE: Group = { scope: 'global', name: 'global', key: '' }

/** Values remembered of one lever or interaction, and combinations; a free lever may have any number. */
const INTERNED = 10_000

export function compileModel(definition: ModelDefinition, hash: string): Model {
  const levers = definition.levers.map((lever) => ({
    name: lever.name,
    read: leverReader(lever),
    intern: interner(lever),
  }))
  const shorts = new Map(definition.levers.map((l) => [l.name, l.short ?? l.name]))
  const interactions = definition.interactions.map((i) => ({
    ...i,
    // a key lists its parts sorted by their text; no short name is a prefix of another's "name=", so sorting the names sorts the parts
    order: [...i.members].sort((a, b) => (`${shorts.get(a)}=` < `${shorts.get(b)}=` ? -1 : 1)),
    known: new Map<string, Group>(),
  }))
  const combinations = new Map<string, Combination>()
  const { only, except } = definition.sources ?? {}

  function groupsOf(values: readonly LeverValue[], leftOut: string[] = []): Group[] {
    const groups: Group[] = [BASELINE]
    for (const value of values) groups.push(value.group)
    for (const { name, order, present, known } of interactions) {
      let key = ''
      let complete = true
      for (const member of order) {
        const value = find(values, member)
        if (!value) complete = false
        else key = key === '' ? value.keyPart : `${key}|${value.keyPart}`
      }
      if (key === '' || !(complete || present === 'any')) continue
      if (isOverlong(key)) leftOut.push(name)
      else groups.push(interned(known, key, () => ({ scope: 'interaction', name, key })))
    }
    return groups
  }

  return {
    definition,
    hash,
    accepts: (source) => (source === undefined ? true : only ? only.includes(source) : !except?.includes(source)),
    leverValues(event, leftOut) {
      const values: LeverValue[] = []
      for (const { name, read, intern } of levers) {
        const value = read(event)
        if (value === undefined) continue
        if (isOverlong(value)) leftOut?.push(name)
        else values.push(intern(value))
      }
      return values
    },
    valuesOf: (values) =>
      levers.flatMap(({ name, intern }) => (values.has(name) ? [intern(values.get(name) as string)] : [])),
    groups: (values) => groupsOf(values),
    combination(values) {
      const levers = encodeLevers(values)
      const make = (): Combination => {
        const leftOut: string[] = []
        return { levers, groups: groupsOf(values, leftOut), leftOut }
      }
      // ten thousand of the longest would be half a gigabyte
      return levers.length > MAX_KEY_BYTES ? make() : interned(combinations, levers, make)
    },
  }
}

function find(values: readonly LeverValue[], lever: string): LeverValue | undefined {
  for (const value of values) if (value.group.name === lever) return value
  return undefined
}

function interner({ name, short = name }: LeverDefinition): (value: string) => LeverValue {
  const known = new Map<string, LeverValue>()
  return (value) =>
    interned(known, value, () => {
      const escaped = escapePart(value)
      return { group: { scope: 'lever', name, key: value }, part: `${name}=${escaped}`, keyPart: `${short}=${escaped}` }
    })
}

/** The same object for the same key, as long as there is room: sums are found by it without reading the key again. */
function interned<T>(known: Map<string, T>, key: string, make: () => T): T {
  let found = known.get(key)
  if (!found) {
    if (known.size >= INTERNED) known.clear()
    found = make()
    known.set(key, found)
  }
  return found
}

export function encodeLevers(values: readonly LeverValue[]): string {
  let out = ''
  for (const value of values) out += `|${value.part}`
  return out === '' ? '' : `${out}|`
}

/** `%` and `|` inside a value are percent-encoded: a key can be cut into its parts again. */
export function escapePart(value: string): string {
  return /[%|]/.test(value) ? value.replaceAll('%', '%25').replaceAll('|', '%7C') : value
}

export function unescapePart(part: string): string {
  return part.includes('%') ? part.replaceAll('%7C', '|').replaceAll('%25', '%') : part
}

function leverReader(lever: LeverDefinition): (event: LeverSource) => string | undefined {
  const { field, event_field, vocabulary, measure, edges } = lever
  const known = vocabulary && new Map(vocabulary.map((v) => [v.toLowerCase(), v]))
  const measured = measure && edges && vocabulary ? bucketReader(measure, edges, vocabulary) : undefined
  return (event) => {
    const raw = event_field ? event[event_field] : own(event.levers, field as string)
    if (raw !== undefined) {
      const direct = known?.get(raw)
      if (direct !== undefined) return direct
      const text = raw.trim()
      if (text !== '') return known ? known.get(text.toLowerCase()) : text
    }
    return measured?.(event.measures)
  }
}

function bucketReader(measure: NonNullable<LeverDefinition['measure']>, edges: number[], vocabulary: string[]) {
  const measured =
    typeof measure === 'string'
      ? (measures: Record<string, number>) => own(measures, measure)
      : (measures: Record<string, number>) => {
          const a = own(measures, measure.numerator)
          const b = own(measures, measure.denominator)
          // volume 0: the highest bucket
          return a === undefined || b === undefined ? undefined : b === 0 ? Number.POSITIVE_INFINITY : a / b
        }
  return (measures: Record<string, number>): string | undefined => {
    const value = measured(measures)
    if (value === undefined || Number.isNaN(value)) return undefined
    let i = 0
    while (i < edges.length && value >= (edges[i] as number)) i++
    return vocabulary[i]
  }
}

/** Only the map's own entries: a lever called `constructor` is data. */
function own<T>(map: Record<string, T>, name: string): T | undefined {
  return Object.hasOwn(map, name) ? map[name] : undefined
}
