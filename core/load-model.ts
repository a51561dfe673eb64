/** Reads a model by its name (models/<name>.json) or from a file, and checks it. */
import { createHash } from 'node:crypto'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { compileModel, type Model, type ModelDefinition } from '../domain/learning/model.ts'
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
  let definition: ModelDefinition
  try {
    definition = JSON.parse(readFileSync(file, 'utf8')) as ModelDefinition
  } catch (cause) {
    throw new StrandlineError('MODEL_INVALID', `The model file ${file} is not JSON: ${(cause as Error).message}.`, {
      cause,
    })
  }
  const problem = checkModel(definition)
  if (problem)
    throw new StrandlineError('MODEL_INVALID', `The model file ${file} is wrong: ${problem}.`, {
      todo: 'models/lowcap-v4.json shows the form.',
    })
  return compileModel(definition, modelHash(definition))
}

let shipped: Model[] | undefined

/** The models that come with Strandline: what closes a trade names what they could not take of it. */
export function shippedModels(): readonly Model[] {
  shipped ??= modelNames().map(loadModel)
  return shipped
}

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

function checkModel(m: Partial<ModelDefinition>): string | null {
  if (!m.name || !m.module) return 'name and module are needed'
  if (!m.tau_days || !(m.tau_days.short > 0) || !(m.tau_days.long > 0))
    return 'tau_days.short and tau_days.long must be above 0 (days)'
  if (!m.weight || !(m.weight.min > 0) || !(m.weight.max >= m.weight.min))
    return 'weight.min must be above 0 and not above weight.max'
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
