/**
 * What is learned, read from the database: of the model version that is active there, whatever this process was started with, or of the one that is
 * named (version-name.ts; of several, the active one, else the newest complete one).
 */

import { compileModel, type Model, SQUARES } from '../../domain/learning/model.ts'
import { byScopeNameKey, type WeighedRow, weighedRow } from '../../domain/learning/offline.ts'
import type { Evidence } from '../../domain/learning/sums.ts'
import { createWeigher, type EvidenceOf } from '../../domain/learning/weigher.ts'
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

export interface LearnedCoefficients {
  /** The version that all of it is of; null: no learner ever ran. */
  version: LearnedModel | null
  global_rr: Baseline
  /** Sorted by scope, name, key. */
  rows: WeighedRow[]
  /** As the weigher's. */
  spread: number | null
}

/** What the filter lets through, with the baseline that it is weighed against. `pageSize`: partials read at once, about. */
export async function readLearned(
  store: CoefficientStore,
  { model, scope, name, minN = 0 }: CoefficientFilter = {},
  pageSize = PAGE,
): Promise<LearnedCoefficients> {
  const version = await learnedModel(store, model)
  const found: LearnedCoefficients = { version, global_rr: NOTHING, rows: [], spread: null }
  if (!version) return found
  // by its number: another one may be made active meanwhile
  const asked = { scope: scope ?? null, name: name ?? null, minN, model: null, modelVersion: version.model_version }
  for (let after: string | null = ''; after !== null; ) {
    const page: CoefficientPage = await store.page(asked, after, pageSize)
    const { rows, spread } = weighPage(version.model, page)
    for (const row of rows) found.rows.push(row)
    if (page.baseline) found.global_rr = meansOf(page.baseline)
    found.spread = spread
    after = page.next
  }
  found.rows.sort(byScopeNameKey)
  return found
}

/** Every coefficient that the filter lets through, as readLearned. */
export const readAllCoefficients = async (
  store: CoefficientStore,
  filter: CoefficientFilter = {},
  pageSize = PAGE,
): Promise<WeighedRow[]> => (await readLearned(store, filter, pageSize)).rows

/** The rows of a page by the model's rule, against the baseline of its moment. */
export function weighPage(
  model: Model,
  { rows, members, baseline, squares }: CoefficientPage,
): { rows: WeighedRow[]; spread: number | null } {
  const weigher = createWeigher(model, evidenceIn({ baseline, squares, rows: members }))
  return { rows: rows.map((row) => weighedRow(model, weigher, row, row)), spread: weigher.spread }
}

const meansOf = ({ rr_short, rr_long, n }: Evidence): Baseline => ({ rr_short, rr_long, n })
