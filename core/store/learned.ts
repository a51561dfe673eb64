/**
 * What is learned, read from the database: of the model version that is active there, whatever this process was started with, or of the one that is
 * named (version-name.ts; of several, the active one, else the newest complete one).
 */

import { compileModel, type Model, SQUARES } from '../../domain/learning/model.ts'
import { byScopeNameKey, type CoefficientRow } from '../../domain/learning/offline.ts'
import type { EvidenceOf } from '../../domain/learning/weigher.ts'
import type { CoefficientKey } from '../../domain/sizing/allocation.ts'
import type { Baseline, CoefficientPage, CoefficientStore, ReadCoefficients } from './coefficient-store.ts'
import { unknownModel } from './model-versions.ts'

export type { Baseline } from './coefficient-store.ts'

export interface Learned extends Omit<ReadCoefficients, 'global_rr'> {
  global_rr: Baseline
}

const NOTHING: Baseline = { rr_short: null, rr_long: null, n: 0 }
/** Partials of one page: about 100 ms, far from a hosted project's statement timeout of 8 s. */
const PAGE = 10_000

export interface LearnedModel {
  model: Model
  model_version: number
  build: number
  active: boolean
}

/** The version of a model, or the active one; null while no learner ever ran. Error: USAGE where there is no model of that name. */
export async function learnedModel(store: CoefficientStore, name?: string): Promise<LearnedModel | null> {
  const row = await store.version(name ?? null)
  if (row)
    return {
      model: compileModel(row.definition, row.hash),
      model_version: row.model_version,
      build: row.build,
      active: row.active,
    }
  if (name === undefined) return null
  throw unknownModel(name, await store.list())
}

/** The active model, or null while no learner ever ran. */
export const activeModel = async (store: CoefficientStore): Promise<Model | null> =>
  (await learnedModel(store))?.model ?? null

/** The rows of the given coefficients and the baseline, all of one moment. Each is an index look-up. `model`: null for the active one. */
export async function readCoefficients(
  store: CoefficientStore,
  keys: CoefficientKey[],
  model?: string,
): Promise<Learned> {
  const answer = await store.read(keys, model ?? null)
  return { ...answer, global_rr: answer.global_rr ?? NOTHING }
}

/** What each group's trades amount to, of those that were read. */
export function evidenceIn({ baseline, squares, rows }: Pick<Learned, 'baseline' | 'squares' | 'rows'>): EvidenceOf {
  const known = new Map(rows.map((row) => [`${row.name}\0${row.key}`, row]))
  return ({ scope, name, key }) =>
    scope === 'global' ? (key === SQUARES.key ? squares : baseline) : (known.get(`${name}\0${key}`) ?? null)
}

export interface CoefficientFilter {
  scope?: 'lever' | 'interaction'
  name?: string
  /** Least number of effective trades. */
  minN?: number
  /** Of which model; without: of the active one. */
  model?: string
}

/** Every coefficient that the filter lets through, all of one version, sorted by scope, name, key. `pageSize`: partials read at once, about. */
export async function readAllCoefficients(
  store: CoefficientStore,
  filter: CoefficientFilter = {},
  pageSize = PAGE,
): Promise<CoefficientRow[]> {
  return (await readPages(store, filter, pageSize)).rows
}

async function readPages(
  store: CoefficientStore,
  filter: CoefficientFilter,
  pageSize = PAGE,
): Promise<{ rows: CoefficientRow[]; model_version: number | null }> {
  const all: CoefficientRow[] = []
  let model_version: number | null = null // of the first page: another one may be made active meanwhile
  for (let after: string | null = ''; after !== null; ) {
    const { scope = null, name = null, minN = 0, model = null } = filter
    const asked = { scope, name, minN, model, modelVersion: model_version }
    const page: CoefficientPage = await store.page(asked, after, pageSize)
    for (const row of page.rows) all.push(row)
    model_version = page.model_version
    after = page.next
  }
  return { rows: all.sort(byScopeNameKey), model_version }
}

/** What the filter lets through, with the baseline that it is weighed against and the version that both are of; null: no learner ever ran. */
export async function readLearned(
  store: CoefficientStore,
  filter: CoefficientFilter = {},
): Promise<{ version: LearnedModel | null; global_rr: Baseline; rows: CoefficientRow[] }> {
  for (;;) {
    const version = await learnedModel(store, filter.model)
    const { global_rr, model_version } = await readCoefficients(store, [], filter.model)
    const learned = await readPages(store, filter)
    const of = version?.model_version ?? null
    // another version was made active meanwhile: its numbers would stand beside those of the first
    if (model_version === of && learned.model_version === of) return { version, global_rr, rows: learned.rows }
  }
}
