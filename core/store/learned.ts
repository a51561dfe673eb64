/**
 * What is learned, read from the database: of the model version that is active there, whatever this process was started with, or of the one whose model is
 * named (of several, the active one, else the newest).
 */

import { compileModel, type Model, type ModelDefinition } from '../../domain/learning/model.ts'
import { byScopeNameKey, type CoefficientRow } from '../../domain/learning/offline.ts'
import type { Coefficient, CoefficientKey } from '../../domain/sizing/allocation.ts'
import { listVersions, unknownModel } from './model-versions.ts'
import type { Store } from './store.ts'

export interface Baseline {
  rr_short: number | null
  rr_long: number | null
  n: number
}

export interface Learned {
  /** Of the version that was read; null while no learner ever ran. */
  model_version: number | null
  hash: string | null
  /** Whether it is the one that readers see unasked. */
  active: boolean
  global_rr: Baseline
  rows: Coefficient[]
}

const NOTHING: Baseline = { rr_short: null, rr_long: null, n: 0 }
/** Partials of one page: about 100 ms, far from a hosted project's statement timeout of 8 s. */
const PAGE = 10_000

export interface LearnedModel {
  model: Model
  model_version: number
  active: boolean
}

/** The version of a model, or the active one; null while no learner ever ran. Error: USAGE where there is no model of that name. */
export async function learnedModel(store: Store, name?: string): Promise<LearnedModel | null> {
  const row = await store.rpc<{
    model_version: number
    hash: string
    active: boolean
    definition: ModelDefinition
  } | null>('strandline_decision_model', { p_model: name ?? null })
  if (row)
    return { model: compileModel(row.definition, row.hash), model_version: row.model_version, active: row.active }
  if (name === undefined) return null
  throw unknownModel(name, await listVersions(store))
}

/** The active model, or null while no learner ever ran. */
export const activeModel = async (store: Store): Promise<Model | null> => (await learnedModel(store))?.model ?? null

/** The rows of the given coefficients and the baseline, all of one moment. Each is an index look-up. `model`: null for the active one. */
export async function readCoefficients(store: Store, keys: CoefficientKey[], model?: string): Promise<Learned> {
  const answer = await store.rpc<Omit<Learned, 'global_rr'> & { global_rr: Baseline | null }>(
    'strandline_decision_coefficients',
    {
      p_keys: JSON.stringify(keys),
      p_model: model ?? null,
    },
  )
  return { ...answer, global_rr: answer.global_rr ?? NOTHING }
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
  store: Store,
  filter: CoefficientFilter = {},
  pageSize = PAGE,
): Promise<CoefficientRow[]> {
  return (await readPages(store, filter, pageSize)).rows
}

async function readPages(
  store: Store,
  filter: CoefficientFilter,
  pageSize = PAGE,
): Promise<{ rows: CoefficientRow[]; model_version: number | null }> {
  const all: CoefficientRow[] = []
  let model_version: number | null = null // of the first page: another one may be made active meanwhile
  for (let after: string | null = ''; after !== null; ) {
    const page: { rows: CoefficientRow[]; next: string | null; model_version: number | null } = await store.rpc(
      'strandline_decision_page',
      {
        p_scope: filter.scope ?? null,
        p_name: filter.name ?? null,
        p_min_n: filter.minN ?? 0,
        p_after: after,
        p_size: pageSize,
        p_model: filter.model ?? null,
        p_model_version: model_version,
      },
    )
    for (const row of page.rows) all.push(row)
    model_version = page.model_version
    after = page.next
  }
  return { rows: all.sort(byScopeNameKey), model_version }
}

/** What the filter lets through, with the baseline that it is weighed against and the version that both are of; null: no learner ever ran. */
export async function readLearned(
  store: Store,
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
