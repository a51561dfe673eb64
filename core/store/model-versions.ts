/** Model versions, as the database knows them: a model folded over one log each. One of them is active: it is what readers see. */
import { StrandlineError } from '../errors.ts'
import { createCheckpointStore } from './checkpoint-store.ts'
import type { Store } from './store.ts'

export interface ModelVersion {
  model_version: number
  model: string
  hash: string
  topic: string
  active: boolean
  /** Scored trades that count. */
  n: number
  created_at: string
}

/** The active one first, then the newest first. Errors: STORE_UNREACHABLE, STORE_SCHEMA. */
export const listVersions = (store: Pick<Store, 'rpc'>): Promise<ModelVersion[]> =>
  store.rpc('strandline_learner_versions', {})

/** Whether readers see this version now. */
export async function isActive(store: Store, modelVersion: number): Promise<boolean> {
  return (await store.rpc<boolean | null>('strandline_learner_is_active', { p_model_version: modelVersion })) === true
}

/** What is said of a model that no learner ever ran under. */
export function unknownModel(model: string, versions: ModelVersion[]): StrandlineError {
  const names = [...new Set(versions.map((v) => v.model))]
  const known = names.length === 0 ? 'no model has learned yet' : `there are ${names.join(', ')}`
  return new StrandlineError('USAGE', `Nothing was ever learned under a model '${model}': ${known}.`, {
    todo: `Name another one, or run its learner first: ./strandline learner --model ${model}.`,
  })
}

/** The next offset that a consumer applies, by partition; null before its first commit. Errors: STORE_UNREACHABLE. */
export async function readCheckpoints(
  store: Pick<Store, 'rpc'>,
  consumer: string,
  topic: string,
): Promise<Map<number, number | null>> {
  return new Map((await createCheckpointStore(store).list(consumer, topic)).map((r) => [r.partition, r.checkpoint]))
}
