/** Reads a model by its name (models/<name>.json) or from a file, and checks it. */
import { createHash } from 'node:crypto'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { isObject } from '../domain/is-object.ts'
import { checkModel } from '../domain/learning/check-model.ts'
import { compileModel, type Model, type ModelDefinition } from '../domain/learning/model.ts'
import { sumsDefinition } from '../domain/learning/sums-definition.ts'
import { canonicalJson } from './canonical-json.ts'
import { StrandlineError } from './errors.ts'

const MODELS = fileURLToPath(new URL('../models/', import.meta.url))

/** Whether a file is meant, and no model that comes along or was learned. */
export const isModelFile = (name: string): boolean => /[/\\]|\.json$/.test(name)

/** For whoever sits elsewhere: files of this machine are none of theirs. Error: USAGE. */
export function requireNoFile(name: string | undefined, todo: string): void {
  if (name !== undefined && isModelFile(name))
    throw new StrandlineError('USAGE', 'A model is named here, and no file.', { todo })
}

/** Errors: USAGE where there is no such model, MODEL_INVALID where its file is wrong. */
export function loadModel(nameOrFile: string): Model {
  const file = isModelFile(nameOrFile) ? nameOrFile : `${MODELS}${nameOrFile}.json`
  if (!existsSync(file))
    throw new StrandlineError('USAGE', `There is no model '${nameOrFile}'.`, {
      todo: `Use one of ${modelNames().join(', ')}, or the path of a model file.`,
    })
  const read = readDefinition(file)
  const problem = checkModel(read)
  if (problem)
    throw new StrandlineError('MODEL_INVALID', `The model file ${file} is wrong: ${problem}.`, {
      todo: 'models/lowcap-v4.json and models/lowcap-v5.json show the form, docs/learning.md says what each field means.',
    })
  const definition = read as unknown as ModelDefinition
  return compileModel(definition, modelHash(definition))
}

/** The levers of a model may be those of one that comes with Strandline (`"levers": "lowcap-v4"`), with its interactions unless it has others. */
function readDefinition(file: string): Record<string, unknown> {
  const read = parse(file)
  if (!isObject(read))
    throw new StrandlineError('MODEL_INVALID', `The model file ${file} holds no JSON object.`, {
      todo: 'models/lowcap-v4.json shows the form.',
    })
  if (typeof read.levers !== 'string') return read
  if (!modelNames().includes(read.levers))
    throw new StrandlineError('MODEL_INVALID', `The model file ${file} takes the levers of '${read.levers}'.`, {
      todo: `Name one of ${modelNames().join(', ')}, or write the levers out.`,
    })
  const { levers, interactions } = loadModel(read.levers).definition
  return { ...read, levers, interactions: read.interactions ?? interactions }
}

function parse(file: string): unknown {
  try {
    return JSON.parse(readFileSync(file, 'utf8'))
  } catch (cause) {
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
  return sha256(rest)
}

/** Models of one log that have the same make the same sums, which are kept once. */
export const sumsHash = (definition: ModelDefinition): string => sha256(sumsDefinition(definition))

const sha256 = (of: object) => createHash('sha256').update(canonicalJson(of)).digest('hex')
