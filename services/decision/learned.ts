/** What is learned, read from the database: always of the model that is active there, whatever this process was started with. */
import type { Store } from '../../core/store/store.ts'
import { compileModel, type Model, type ModelDefinition } from '../learner/model.ts'
import { byScopeNameKey, type CoefficientRow } from '../learner/offline.ts'
import type { Coefficient, CoefficientKey } from './allocation.ts'

export interface Baseline {
  rr_short: number | null
  rr_long: number | null
  n: number
}

export interface Learned {
  /** null while no learner ever ran. */
  hash: string | null
  global_rr: Baseline
  rows: Coefficient[]
}

const NOTHING: Baseline = { rr_short: null, rr_long: null, n: 0 }
/** Partials of one page: about 100 ms, far from a hosted project's statement timeout of 8 s. */
const PAGE = 10_000

/** The active model, or null while no learner ever ran. */
export async function activeModel(store: Store): Promise<Model | null> {
  const row = await store.rpc<{ hash: string; definition: ModelDefinition } | null>('decision_model', {})
  return row && compileModel(row.definition, row.hash)
}

/** The rows of the given coefficients and the baseline, all of one moment. Each is an index look-up. */
export async function readCoefficients(store: Store, keys: CoefficientKey[]): Promise<Learned> {
  const answer = await store.rpc<{ hash: string | null; global_rr: Baseline | null; rows: Coefficient[] }>(
    'decision_coefficients',
    { p_keys: JSON.stringify(keys) },
  )
  return { ...answer, global_rr: answer.global_rr ?? NOTHING }
}

export interface CoefficientFilter {
  scope?: 'lever' | 'interaction'
  name?: string
  /** Least number of effective trades. */
  minN?: number
}

/** Every coefficient that the filter lets through, sorted by scope, name, key. `pageSize`: partials read at once, about. */
export async function readAllCoefficients(
  store: Store,
  filter: CoefficientFilter = {},
  pageSize = PAGE,
): Promise<CoefficientRow[]> {
  const all: CoefficientRow[] = []
  for (let after: string | null = ''; after !== null; ) {
    const page: { rows: CoefficientRow[]; next: string | null } = await store.rpc('decision_page', {
      p_scope: filter.scope ?? null,
      p_name: filter.name ?? null,
      p_min_n: filter.minN ?? 0,
      p_after: after,
      p_size: pageSize,
    })
    for (const row of page.rows) all.push(row)
    after = page.next
  }
  return all.sort(byScopeNameKey)
}
