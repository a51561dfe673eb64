/**
 * Model versions: a model folded over one log each. One of them is active: it is what readers see. Port, and its adapter over the database's functions;
 * in memory: memory/model-versions.ts.
 */
import type { ModelDefinition } from '../../domain/learning/model.ts'
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

/** A model, by the hash of its definition, over a topic. */
export interface NamedModel {
  model: string
  hash: string
  definition: ModelDefinition
  topic: string
}

/** Errors of each: STORE_UNREACHABLE, STORE_SCHEMA. */
export interface ModelVersionStore {
  /** Finds or makes the version of a model over a topic. Readers see it only where they see no other yet. */
  open(model: NamedModel): Promise<{ model_version: number; active: boolean }>
  /** The active one first, then the newest first. */
  list(): Promise<ModelVersion[]>
  /** Whether readers see this version now. */
  isActive(modelVersion: number): Promise<boolean>
  /** Makes it the one that readers see; 'unknown': there is no such version. */
  activate(modelVersion: number): Promise<{ status: 'ok' | 'unknown'; previous: number | null }>
}

export function createModelVersionStore(store: Pick<Store, 'rpc'>): ModelVersionStore {
  return {
    open: ({ model, hash, definition, topic }) =>
      store.rpc('strandline_learner_open_version', {
        p_model: model,
        p_hash: hash,
        p_definition: JSON.stringify(definition),
        p_topic: topic,
      }),
    list: () => store.rpc('strandline_learner_versions', {}),
    isActive: async (id) =>
      (await store.rpc<boolean | null>('strandline_learner_is_active', { p_model_version: id })) === true,
    activate: (id) => store.rpc('strandline_learner_activate', { p_model_version: id }),
  }
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
