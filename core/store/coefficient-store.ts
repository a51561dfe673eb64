/** What is learned, for whoever reads it: port, and its adapter over the database's functions. In memory: memory/coefficients.ts. */
import type { ModelDefinition } from '../../domain/learning/model.ts'
import type { Evidence } from '../../domain/learning/sums.ts'
import type { CoefficientKey } from '../../domain/sizing/allocation.ts'
import { createModelVersionStore, type ModelVersionStore, type SumsOf } from './model-versions.ts'
import type { Store } from './store.ts'

export interface Baseline {
  rr_short: number | null
  rr_long: number | null
  n: number
}

export interface VersionRow {
  model_version: number
  hash: string
  build: number
  topic: string
  active: boolean
  definition: ModelDefinition
}

/** A version that is in the database. */
export interface StoredVersion extends VersionRow, SumsOf {}

/** What the trades of a coefficient amount to; what follows of that, by the model's rule: learned.ts. */
export interface LearnedRow extends CoefficientKey, Evidence {}

export interface ReadCoefficients {
  /** Of the version that was read; null while no learner ever ran. */
  model_version: number | null
  hash: string | null
  /** Whether it is the one that readers see unasked. */
  active: boolean
  /** null: nothing is learned. */
  global_rr: Baseline | null
  /** What all trades amount to at the exit of the newest one, and their outcomes' squares (those of a model with the rule shrunk). */
  baseline: Evidence | null
  squares: Evidence | null
  /** Those of the keys that there are, in their order. */
  rows: LearnedRow[]
}

export interface PageFilter {
  scope: string | null
  name: string | null
  /** Least number of effective trades. */
  minN: number
  model: string | null
  /** Goes before the model: pages of one reading are of one version. */
  modelVersion: number | null
}

export interface CoefficientPage {
  rows: LearnedRow[]
  /** As `ReadCoefficients` has them, at the moment of the page. */
  baseline: Evidence | null
  squares: Evidence | null
  /** The lever values of which the interactions of the page are made, where these are weighed against them: by the rule shrunk. */
  members: LearnedRow[]
  /** The last key of the page; null after the last page. */
  next: string | null
  model_version: number | null
}

/** A version by name (version-name.ts; of several the active one, else the newest complete one); null: the active one. Errors: STORE_UNREACHABLE, STORE_SCHEMA. */
export interface CoefficientStore extends Pick<ModelVersionStore, 'list'> {
  version(model: string | null): Promise<VersionRow | null>
  /** Given coefficients and the baseline, all of one moment. */
  read(keys: readonly CoefficientKey[], model: string | null): Promise<ReadCoefficients>
  /** Coefficients behind a key (bytewise; '': from the first). @param size partials of one page, about */
  page(filter: PageFilter, after: string, size: number): Promise<CoefficientPage>
}

/** What is learned now; another one may be of the past, and in no database. */
export interface StoredCoefficients extends CoefficientStore {
  version(model: string | null): Promise<StoredVersion | null>
}

export function createCoefficientStore(store: Pick<Store, 'rpc'>): StoredCoefficients {
  return {
    list: createModelVersionStore(store).list,
    version: (model) => store.rpc('strandline_decision_model', { p_model: model }),
    read: (keys, model) =>
      store.rpc('strandline_decision_coefficients', { p_keys: JSON.stringify(keys), p_model: model }),
    page: ({ scope, name, minN, model, modelVersion }, after, size) =>
      store.rpc('strandline_decision_page', {
        p_scope: scope,
        p_name: name,
        p_min_n: minN,
        p_after: after,
        p_size: size,
        p_model: model,
        p_model_version: modelVersion,
      }),
  }
}
