/** What is wrong with a model's definition, as somebody wrote it. Pure. */
import { isObject } from '../is-object.ts'
import { BASELINE, type LeverDefinition, type ModelDefinition } from './model.ts'
import type { OutcomeName } from './outcome.ts'

const FIELDS: readonly string[] = Object.keys({
  name: true,
  module: true,
  description: true,
  sources: true,
  tau_days: true,
  outcome: true,
  clamp: true,
  rule: true,
  weight: true,
  shrink: true,
  scale: true,
  multiplier: true,
  levers: true,
  interactions: true,
} satisfies Record<keyof ModelDefinition, true>)

/** The squares of outcomes are summed up as well. */
const LARGEST_OUTCOME = 1e100

/** Days. A period of sums has a number, which must be one of 32 bits. */
const SHORTEST_TAU = 0.0007
const LONGEST_TAU = 1e6

const OUTCOMES: readonly unknown[] = ['rr', 'return', 'net_return'] satisfies OutcomeName[]

/** A sentence without its full stop, or null. The levers are written out by now. */
export function checkModel(m: Record<string, unknown>): string | null {
  const unknown = Object.keys(m).find((field) => !FIELDS.includes(field))
  if (unknown !== undefined) return `there is no field '${unknown}': ${FIELDS.join(', ')}`
  if (!isName(m.name) || !isName(m.module)) return 'name and module are needed'
  if (!isObject(m.tau_days) || !isPositive(m.tau_days.short) || !isPositive(m.tau_days.long))
    return 'tau_days.short and tau_days.long must be above 0 (days)'
  // a period of sums is four short τ long: by a much shorter one nothing of it would be left, and no mean
  if ((m.tau_days.long as number) < (m.tau_days.short as number))
    return 'tau_days.long must not be below tau_days.short'
  if ((m.tau_days.short as number) < SHORTEST_TAU || (m.tau_days.long as number) > LONGEST_TAU)
    return `tau_days.short must not be below a minute (${SHORTEST_TAU}), tau_days.long not above ${LONGEST_TAU}`
  return checkOutcome(m) ?? checkRule(m) ?? checkLevers(m.levers) ?? checkInteractions(m)
}

function checkOutcome({ outcome = 'rr', clamp }: Record<string, unknown>): string | null {
  const { of, per } = isObject(outcome) ? outcome : { of: outcome, per: undefined }
  if (!OUTCOMES.includes(of) || !(per === undefined || isName(per)))
    return `outcome must be one of ${OUTCOMES.join(', ')}, or {"of": one of them, "per": a measure known at entry}`
  if (clamp !== undefined) {
    const { min, max } = isObject(clamp) ? clamp : {}
    if (!isNumber(min) || !isNumber(max) || min >= max) return 'clamp.min must be below clamp.max'
    return Math.max(-min, max) <= LARGEST_OUTCOME ? null : `clamp must lie within ±${LARGEST_OUTCOME}`
  }
  if (of !== 'rr') return 'an outcome that is not rr has no bounds: it needs a clamp'
  return per === undefined ? null : `an outcome per ${per} has no bounds: it needs a clamp`
}

function checkRule({ rule = 'v4', weight, shrink, scale, multiplier }: Record<string, unknown>): string | null {
  if (rule === 'v4') return isRange(weight) ? null : 'weight.min must be above 0 and not above weight.max'
  if (rule !== 'shrunk') return `there is no rule '${rule}': v4, shrunk`
  if (!isObject(shrink) || !['long', 'short', 'market', 'interaction'].every((k) => isPositive(shrink[k])))
    return 'the rule shrunk needs shrink: {long, short, market, interaction}, each above 0 (trades)'
  if (!isObject(scale) || !isPositive(scale.floor) || !isFactor(scale.mean) || !isFactor(scale.sigma))
    return 'the rule shrunk needs scale: {mean, sigma, floor}, the floor above 0, the others 0 or more'
  return isRange(multiplier) ? null : 'the rule shrunk needs multiplier: {min, max}, min above 0 and not above max'
}

function checkLevers(levers: unknown): string | null {
  if (!Array.isArray(levers) || levers.length === 0)
    return 'levers must be a list, or the name of the model whose levers it has'
  const names = new Set<string>()
  const shorts = new Set<string>()
  for (const lever of levers as Partial<LeverDefinition>[]) {
    const { name, field, event_field, short = name, vocabulary, measure, edges } = lever
    if (!isName(name) || names.has(name)) return `lever '${name}' has no name or stands twice`
    if (name === BASELINE.name) return `lever '${name}' has the name of the baseline`
    names.add(name)
    if (/[=|]/.test(name)) return `the name of lever '${name}' stands in the ledger, so it must be without = |`
    if (!field === !event_field) return `lever '${name}' needs either field or event_field`
    if (!isName(short) || /[=|%]/.test(short) || shorts.has(short))
      return `lever '${name}' needs a short name of its own, without = | %: it stands in the keys of interactions`
    shorts.add(short)
    if (vocabulary !== undefined && !(Array.isArray(vocabulary) && vocabulary.every(isName)))
      return `the vocabulary of lever '${name}' must be a list of words`
    if (measure && (!edges || !vocabulary || vocabulary.length !== edges.length + 1))
      return `lever '${name}' has a measure, so it needs edges and one more vocabulary word than edges`
    if (edges && !edges.every((edge, i, all) => isNumber(edge) && (i === 0 || edge > (all[i - 1] as number))))
      return `the edges of lever '${name}' must rise`
  }
  return null
}

function checkInteractions({ levers, interactions = [] }: Record<string, unknown>): string | null {
  if (!Array.isArray(interactions)) return 'interactions must be a list'
  const names = new Set((levers as LeverDefinition[]).map((lever) => lever.name))
  const all = new Set([...names, BASELINE.name])
  for (const { name, members, present } of interactions) {
    if (!isName(name)) return 'an interaction has no name'
    if (all.has(name)) return `interaction '${name}' has the name of a lever, of another one, or of the baseline`
    all.add(name)
    if (!Array.isArray(members) || members.length === 0) return `interaction '${name}' needs members, names of levers`
    const unknown = members.find((member) => !names.has(member))
    if (unknown !== undefined) return `interaction '${name}' names the unknown lever '${unknown}'`
    if (present !== 'any' && present !== 'all') return `interaction '${name}' needs present: any or all`
  }
  return null
}

const isName = (value: unknown): value is string => typeof value === 'string' && value !== ''
const isNumber = (value: unknown): value is number => Number.isFinite(value)
const isPositive = (value: unknown): boolean => isNumber(value) && value > 0
const isFactor = (value: unknown): boolean => isNumber(value) && value >= 0
/** Bounds of a factor of sizes. */
const isRange = (value: unknown): boolean =>
  isObject(value) && isNumber(value.min) && isNumber(value.max) && value.min > 0 && value.min <= value.max
