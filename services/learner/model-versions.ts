/** Model versions, as the database knows them: a model folded over one log each. One of them is active: it is what readers see. */
import { type Store, storeError } from '../../core/store/store.ts'

export interface ModelVersion {
  generation: number
  model: string
  hash: string
  topic: string
  active: boolean
  /** Scored trades that count. */
  n: number
  created_at: string
}

/** The active one first, then the newest first. Errors: STORE_UNREACHABLE, STORE_SCHEMA. */
export const listVersions = (store: Store): Promise<ModelVersion[]> => store.rpc('learner_versions', {})

/** Whether readers see this version now. */
export async function isActive(store: Store, generation: number): Promise<boolean> {
  const { data, error, status } = await store.client
    .from('learner_generations')
    .select('active')
    .eq('generation', generation)
  if (error) throw storeError(error, status, 'learner_generations', 'the database')
  return data[0]?.active === true
}

/** For a person: which versions there are. */
export const namesOf = (versions: ModelVersion[]): string => {
  const names = [...new Set(versions.map((v) => v.model))]
  return names.length === 0 ? 'no model has learned yet' : `there are ${names.join(', ')}`
}
