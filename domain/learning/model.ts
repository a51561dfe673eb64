/**
 * A learning model (models/*.json): which levers and interactions a trade counts for. Pure.
 *
 * A lever reads its field of the entry context, trimmed; one with a vocabulary matches it without regard to case, and a value outside it is no value.
 * Where the field is absent or empty and the lever has a measure, the bucket is derived from it (lower edge inclusive).
 * A value that is longer than a key may be is no value, and an interaction whose key would be longer is left out: the trade counts in the rest.
 */
import type { PositionClosed } from '../event.ts'
import { isOverlong, MAX_KEY_BYTES } from '../limits.ts'
import { createOutcomeReader, type OutcomeDefinition, type OutcomeSource } from './outcome.ts'

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
  /** What of a trade is learned; absent: rr. */
  outcome?: OutcomeDefinition
  /** Bounds of the outcome; absent: as it is. */
  clamp?: { min: number; max: number }
  /** What a coefficient is made of the sums; absent: v4. */
  rule?: 'v4' | 'shrunk'
  /** Of the rule v4: bounds of a weight. */
  weight?: { min: number; max: number }
  /** Of the rule shrunk (shrunk.ts): trades that a group must have to be believed half. */
  shrink?: { long: number; short: number; market: number; interaction: number }
  /** The same: the edge by which a weight grows e times is max(floor, mean × baseline, sigma × σ of the outcome). */
  scale?: { mean: number; sigma: number; floor: number }
  /** The same: bounds of the product of all weights. */
  multiplier?: { min: number; max: number }
  levers: LeverDefinition[]
  interactions: InteractionDefinition[]
}

/** What a model reads of an event. */
export type LeverSource = Pick<PositionClosed, 'timeframe' | 'levers' | 'measures'>

/** The same, to be asked for by name. */
export interface LeverContext {
  timeframe: string
  lever(name: string): string | undefined
  measure(name: string): number | undefined
}

export const contextOf = ({ timeframe, levers, measures }: LeverSource): LeverContext => ({
  timeframe,
  lever: (name) => own(levers, name),
  measure: (name) => own(measures, name),
})

export type Scope = 'global' | 'lever' | 'interaction'

/** One group of trades: the baseline, a lever value or an interaction. */
export interface Group {
  scope: Scope
  name: string
  key: string
}

export interface Model {
  readonly definition: ModelDefinition
  /** What of a trade is learned, clamped; null: it has none, and counts in no group. */
  outcomeOf(source: OutcomeSource): number | null
  /** SHA-256 of the definition, hex: state is only ever continued under the same one. */
  readonly hash: string
  accepts(source: string | undefined): boolean
  /** The value of each lever that has one, in the model's order. `leftOut` takes the names of levers whose value is too long. */
  leverValues(event: LeverSource, leftOut?: string[]): LeverValue[]
  /** The same, from texts: lever name to value. */
  valuesOf(values: ReadonlyMap<string, string>): LeverValue[]
  /** Baseline first, behind it its squares, then levers in the model's order, then interactions. */
  groups(values: readonly LeverValue[]): Group[]
  /** The lever values that an interaction is made of. */
  members(interaction: Pick<Group, 'name' | 'key'>): Group[]
  /** The values of one trade together; the same object for the same ones, most of the time. */
  combination(values: readonly LeverValue[]): Combination
  /** The same, from the event's context. `leftOut` takes the names of levers whose value is too long. */
  combinationOf(context: LeverContext, leftOut: string[]): Combination
}

export interface Combination {
  /** `|lever=value|lever=value|` in the model's order, `%` and `|` of a value percent-encoded; empty without levers. */
  readonly levers: string
  /** Not to be changed. */
  readonly groups: Group[]
  /** Interactions whose key would be too long. */
  readonly leftOut: readonly string[]
  /** Whether trades of the same values are given this same object again, most of the time. */
  readonly isShared: boolean
}

/** A lever that has a value. One object for each value, whatever the number of trades that have it. */
export interface LeverValue {
  group: Group
  /** `lever=value`, `%` and `|` of the value percent-encoded. */
  part: string
  /** The same under the lever's short name: its part of an interaction key. */
  keyPart: string
  /** Of its lever, in the model's order. */
  lever: number
  /** Of no meaning but that another value has another one. */
  number: number
}

export const BASELINE: Group = { scope: 'global', name: 'global', key: '' }
/** Not the outcomes of all trades but their squares: what the rule shrunk takes the outcomes' spread from. Every model's sums have them, so that any rule reads them. */
export const SQUARES: Group = { scope: 'global', name: 'global', key: 'squares' }

const NONE: readonly string[] = []

/** Values remembered of one lever, and combinations of them; a free lever may have any number. */
const INTERNED = 10_000

export function compileModel(definition: ModelDefinition, hash: string): Model {
  let numbers = 0
  const levers = definition.levers.map((lever, index) => ({
    name: lever.name,
    ...createLever(lever, index, () => numbers++),
  }))
  const shortOf = ({ name, short = name }: LeverDefinition) => `${short}=`
  const interactions = definition.interactions.map(({ name, members, present }) => ({
    name,
    present,
    // a key lists its parts sorted by their text; no short name is a prefix of another's "name=", so sorting the names sorts the parts
    members: definition.levers
      .filter((lever) => members.includes(lever.name))
      .sort((a, b) => (shortOf(a) < shortOf(b) ? -1 : 1))
      .map((lever) => definition.levers.indexOf(lever)),
    known: createMemo((values) => interactionOf(name, values)),
  }))
  const combinations = createMemo(combine)
  // Below runs for every trade, and allocates nothing but what it returns: arrays are filled again, by index, and cut to their length at the end.
  /** Values of the trade at hand: all of them, by lever, and of an interaction; and interactions whose key is too long. */
  const scratch: LeverValue[] = []
  const ofLever = new Array<LeverValue | undefined>(levers.length).fill(undefined)
  const found: LeverValue[] = []
  const overlong: string[] = []
  const { only, except } = definition.sources ?? {}

  function readValues(context: LeverContext, values: LeverValue[], leftOut?: string[]): void {
    let count = 0
    for (let i = 0; i < levers.length; i++) {
      const lever = levers[i] as (typeof levers)[number]
      const value = lever.read(context)
      if (value === OVERLONG) leftOut?.push(lever.name)
      else if (value) values[count++] = value
    }
    values.length = count
  }

  /** `leftOut` takes the names of interactions whose key is too long. */
  function groupsOf(values: readonly LeverValue[], leftOut?: string[]): Group[] {
    const groups = new Array<Group>(values.length + interactions.length + 2)
    groups[0] = BASELINE
    groups[1] = SQUARES
    let count = 2
    ofLever.fill(undefined)
    for (let i = 0; i < values.length; i++) {
      const value = values[i] as LeverValue
      groups[count++] = value.group
      ofLever[value.lever] = value
    }
    for (let i = 0; i < interactions.length; i++) {
      const { name, members, present, known } = interactions[i] as (typeof interactions)[number]
      let memberCount = 0
      for (let j = 0; j < members.length; j++) {
        const value = ofLever[members[j] as number]
        if (value) found[memberCount++] = value
      }
      found.length = memberCount
      if (memberCount === 0 || (present === 'all' && memberCount < members.length)) continue
      const group = known(found)
      if (group) groups[count++] = group
      else leftOut?.push(name)
    }
    groups.length = count
    return groups
  }

  function combine(values: readonly LeverValue[], isShared: boolean): Combination {
    overlong.length = 0
    const groups = groupsOf(values, overlong)
    const leftOut = overlong.length > 0 ? overlong.slice() : NONE
    return { levers: encodeLevers(values), groups, leftOut, isShared }
  }

  return {
    definition,
    hash,
    accepts: (source) => (source === undefined ? true : only ? only.includes(source) : !except?.includes(source)),
    leverValues(event, leftOut) {
      const values: LeverValue[] = []
      readValues(contextOf(event), values, leftOut)
      return values
    },
    valuesOf: (values) =>
      levers.flatMap(({ name, intern }) => (values.has(name) ? [intern(values.get(name) as string)] : [])),
    outcomeOf: createOutcomeReader(definition),
    groups: (values) => groupsOf(values),
    members: ({ name, key }) => {
      const { members = [] } = definition.interactions.find((i) => i.name === name) ?? {}
      return key.split('|').flatMap((part) => {
        const at = part.indexOf('=')
        const lever = definition.levers.find((l) => members.includes(l.name) && shortOf(l) === part.slice(0, at + 1))
        return lever ? [{ scope: 'lever', name: lever.name, key: unescapePart(part.slice(at + 1)) }] : []
      })
    },
    combination: combinations,
    combinationOf(context, leftOut) {
      readValues(context, scratch, leftOut)
      return combinations(scratch)
    },
  }
}

/** null: the key would be too long. */
function interactionOf(name: string, values: readonly LeverValue[]): Group | null {
  for (let i = 0; i < values.length; i++) texts[i] = (values[i] as LeverValue).keyPart
  texts.length = values.length
  const key = texts.join('|')
  return isOverlong(key) ? null : { scope: 'interaction', name, key }
}

/** A value that is too long to be one. */
const OVERLONG = 'overlong'

interface Lever {
  /** The value of a trade; undefined: it has none. */
  read(context: LeverContext): LeverValue | typeof OVERLONG | undefined
  /** The same object for the same value, as long as there is room. */
  intern(value: string): LeverValue
}

function createLever(lever: LeverDefinition, index: number, nextNumber: () => number): Lever {
  const { name, short = name, field, event_field, vocabulary, measure, edges } = lever
  const words = vocabulary && new Map(vocabulary.map((v) => [v.toLowerCase(), v]))
  const measured = measure && edges && vocabulary ? bucketReader(measure, edges, vocabulary) : undefined
  const known = new Map<string, LeverValue>()
  /** By the text in the event; null: it is outside the vocabulary. */
  const texts = new Map<string, LeverValue | null>()

  function intern(value: string): LeverValue {
    let found = known.get(value)
    if (!found) {
      const escaped = escapePart(value)
      const group: Group = { scope: 'lever', name, key: value }
      const texts = { part: `${name}=${escaped}`, keyPart: `${short}=${escaped}` }
      found = { group, ...texts, lever: index, number: nextNumber() }
      remember(known, value, found)
    }
    return found
  }

  function read(context: LeverContext): LeverValue | typeof OVERLONG | undefined {
    const raw = event_field ? context[event_field] : context.lever(field as string)
    if (raw !== undefined) {
      const known = texts.get(raw)
      if (known !== undefined) return known ?? undefined
      const text = raw.trim()
      if (text !== '') {
        const value = words ? words.get(text.toLowerCase()) : text
        if (value !== undefined && isOverlong(value)) return OVERLONG
        const found = value === undefined ? null : intern(value)
        if (!isOverlong(raw)) remember(texts, raw, found)
        return found ?? undefined
      }
    }
    const bucket = measured?.(context)
    return bucket === undefined ? undefined : intern(bucket)
  }

  return { read, intern }
}

function remember<T>(known: Map<string, T>, key: string, value: T): void {
  if (known.size >= INTERNED) known.clear()
  known.set(key, value)
}

/** A power of two. */
const MEMO_SLOTS = 1 << 14

/**
 * What `make` made of values, the same for the same ones most of the time: it is found by their numbers, and no text is made to look it up. What was
 * made of others that fall on the same slot goes.
 */
function createMemo<T>(
  make: (values: readonly LeverValue[], isKept: boolean) => T,
): (values: readonly LeverValue[]) => T {
  const slots = new Array<{ values: readonly LeverValue[]; made: T } | undefined>(MEMO_SLOTS)
  /** What was met last on each slot: only what comes again is remembered, as most combinations may come once. */
  const met = new Int32Array(MEMO_SLOTS)
  return (values) => {
    let hash = 0
    for (let i = 0; i < values.length; i++)
      hash = Math.imul(hash ^ (values[i] as LeverValue).number, 0x9e3779b1) ^ (hash >>> 15)
    const slot = (hash ^ (hash >>> 16)) & (MEMO_SLOTS - 1)
    const known = slots[slot]
    if (known && isSame(known.values, values)) return known.made
    const isKept = met[slot] === hash && isShort(values)
    met[slot] = hash
    const made = make(values, isKept)
    if (isKept) slots[slot] = { values: values.slice(), made }
    return made
  }
}

/** Sixteen thousand of the longest would be a gigabyte. */
function isShort(values: readonly LeverValue[]): boolean {
  let length = 0
  for (let i = 0; i < values.length; i++) length += (values[i] as LeverValue).part.length
  return length <= MAX_KEY_BYTES
}

function isSame(a: readonly LeverValue[], b: readonly LeverValue[]): boolean {
  if (a.length !== b.length) return false
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false
  return true
}

export function encodeLevers(values: readonly LeverValue[]): string {
  if (values.length === 0) return ''
  texts[0] = ''
  for (let i = 0; i < values.length; i++) texts[i + 1] = (values[i] as LeverValue).part
  texts[values.length + 1] = ''
  texts.length = values.length + 2
  return texts.join('|')
}

/** Filled again and again. */
const texts: string[] = []

/** `%` and `|` inside a value are percent-encoded: a key can be cut into its parts again. */
export function escapePart(value: string): string {
  return /[%|]/.test(value) ? value.replaceAll('%', '%25').replaceAll('|', '%7C') : value
}

export function unescapePart(part: string): string {
  return part.includes('%') ? part.replaceAll('%7C', '|').replaceAll('%25', '%') : part
}

function bucketReader(measure: NonNullable<LeverDefinition['measure']>, edges: number[], vocabulary: string[]) {
  const measured =
    typeof measure === 'string'
      ? (context: LeverContext) => context.measure(measure)
      : (context: LeverContext) => {
          const a = context.measure(measure.numerator)
          const b = context.measure(measure.denominator)
          // volume 0: the highest bucket
          return a === undefined || b === undefined ? undefined : b === 0 ? Number.POSITIVE_INFINITY : a / b
        }
  return (context: LeverContext): string | undefined => {
    const value = measured(context)
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
