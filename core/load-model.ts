/** Reads a model by its name (models/<name>.json) or from a file, and checks it. */
import { createHash } from 'node:crypto'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { compileModel, type Model, type ModelDefinition } from '../domain/learning/model.ts'
import type { OutcomeName } from '../domain/learning/outcome.ts'
import { canonicalJson } from './canonical-json.ts'
import { StrandlineError } from './errors.ts'

const MODELS = fileURLToPath(new URL('../models/', import.meta.url))

/** Errors: USAGE where there is no such model, MODEL_INVALID where its file is wrong. */
export function loadModel(nameOrFile: string): Model {
  const file = /[/\\]|\.json$/.test(nameOrFile) ? nameOrFile : `${MODELS}${nameOrFile}.json`
  if (!existsSync(file))
    throw new StrandlineError('USAGE', `There is no model '${nameOrFile}'.`, {
      todo: `Use one of ${modelNames().join(', ')}, or the path of a model file.`,
    })
  const definition = readDefinition(file)
  const problem = checkModel(definition)
  if (problem)
    throw new StrandlineError('MODEL_INVALID', `The model file ${file} is wrong: ${problem}.`, {
      todo: 'models/lowcap-v4.json shows the form.',
    })
  return compileModel(definition, modelHash(definition))
}

/** The levers and interactions of a model may be those of one that comes with Strandline: `"levers": "lowcap-v4"`. */
function readDefinition(file: string): ModelDefinition {
  try {
    const read = JSON.parse(readFileSync(file, 'utf8')) as Omit<ModelDefinition, 'levers'> & { levers: unknown }
    if (typeof read.levers !== 'string') return read as ModelDefinition
    if (!modelNames().includes(read.levers))
      throw new StrandlineError('MODEL_INVALID', `The model file ${file} takes the levers of '${read.levers}'.`, {
        todo: `Name one of ${modelNames().join(', ')}, or write the levers out.`,
      })
    const { levers, interactions } = loadModel(read.levers).definition
    return { ...read, levers, interactions }
  } catch (cause) {
    if (cause instanceof StrandlineError) throw cause
    throw new StrandlineError('MODEL_INVALID', `The model file ${file} is not JSON: ${(cause as Error).message}.`, {
      cause,
    })
  }
}

let shipped: Model[] | undefined

/**
 * Of the models that come with Strandline one for each way to read an entry context (several learn something else of the same levers): what closes a trade
 * names what they could not take of it.
 */
export function shippedModels(): readonly Model[] {
  shipped ??= [...new Map(byRule().map((model) => [readingOf(model), model])).values()]
  return shipped
}

/** The rule v4 last: of several ways to learn from the same levers it is the one that is named. */
const byRule = () =>
  modelNames()
    .map(loadModel)
    .sort((a, b) => Number(isV4(a)) - Number(isV4(b)))
const isV4 = ({ definition }: Model) => (definition.rule ?? 'v4') === 'v4'
const readingOf = ({ definition: { levers, interactions } }: Model) => canonicalJson({ levers, interactions })

export function modelNames(): string[] {
  return readdirSync(MODELS)
    .filter((f) => f.endsWith('.json'))
    .map((f) => f.slice(0, -5))
    .sort()
}

/** Only what changes the state: a new description is the same model. */
export function modelHash(definition: ModelDefinition): string {
  const { description: _, ...rest } = definition
  return createHash('sha256').update(canonicalJson(rest)).digest('hex')
}

const OUTCOMES: readonly unknown[] = ['rr', 'return', 'net_return'] satisfies OutcomeName[]

function checkOutcome({ outcome = 'rr', clamp }: Partial<ModelDefinition>): string | null {
  const { of, per } = typeof outcome === 'string' ? { of: outcome, per: undefined } : outcome
  if (!OUTCOMES.includes(of) || !(per === undefined || (typeof per === 'string' && per !== '')))
    return `outcome must be one of ${OUTCOMES.join(', ')}, or {"of": one of them, "per": a measure known at entry}`
  if (clamp && !(Number.isFinite(clamp.min) && Number.isFinite(clamp.max) && clamp.min < clamp.max))
    return 'clamp.min must be below clamp.max'
  if (!clamp && of !== 'rr') return `an outcome that is not rr has no bounds: it needs a clamp`
  if (!clamp && per !== undefined) return `an outcome per ${per} has no bounds: it needs a clamp`
  return null
}

function checkRule({ rule = 'v4', weight, shrink, scale, multiplier }: Partial<ModelDefinition>): string | null {
  if (rule === 'v4')
    return weight && weight.min > 0 && weight.max >= weight.min
      ? null
      : 'weight.min must be above 0 and not above weight.max'
  if (rule !== 'shrunk') return `there is no rule '${rule}': v4, shrunk`
  if (!shrink || !(['long', 'short', 'market', 'interaction'] as const).every((k) => shrink[k] > 0))
    return 'the rule shrunk needs shrink: {long, short, market, interaction}, each above 0 (trades)'
  if (!scale || !(scale.floor > 0) || !(scale.mean >= 0) || !(scale.sigma >= 0))
    return 'the rule shrunk needs scale: {mean, sigma, floor}, the floor above 0'
  if (!multiplier || !(multiplier.min > 0) || !(multiplier.max >= multiplier.min) || !Number.isFinite(multiplier.max))
    return 'the rule shrunk needs multiplier: {min, max}, min above 0 and not above max'
  return null
}

function checkModel(m: Partial<ModelDefinition>): string | null {
  if (!m.name || !m.module) return 'name and module are needed'
  if (!m.tau_days || !(m.tau_days.short > 0) || !(m.tau_days.long > 0))
    return 'tau_days.short and tau_days.long must be above 0 (days)'
  const wrong = checkOutcome(m) ?? checkRule(m)
  if (wrong) return wrong
  if (!Array.isArray(m.levers) || m.levers.length === 0) return 'levers must be a list'
  const names = new Set<string>()
  for (const lever of m.levers) {
    if (!lever.name || names.has(lever.name)) return `lever '${lever.name}' has no name or stands twice`
    names.add(lever.name)
    if (!lever.field === !lever.event_field) return `lever '${lever.name}' needs either field or event_field`
    if (lever.measure && (!lever.edges || !lever.vocabulary || lever.vocabulary.length !== lever.edges.length + 1))
      return `lever '${lever.name}' has a measure, so it needs edges and one more vocabulary word than edges`
    if (lever.edges?.some((e, i, all) => i > 0 && e <= (all[i - 1] as number)))
      return `the edges of lever '${lever.name}' must rise`
  }
  for (const i of m.interactions ?? []) {
    if (names.has(i.name)) return `interaction '${i.name}' has the name of a lever`
    const unknown = i.members?.find((member) => !names.has(member))
    if (!i.members?.length || unknown) return `interaction '${i.name}' names the unknown lever '${unknown}'`
    if (i.present !== 'any' && i.present !== 'all') return `interaction '${i.name}' needs present: any or all`
  }
  return null
}
