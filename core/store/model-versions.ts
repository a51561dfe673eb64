/**
 * Model versions: a model folded over one log each, once or in several builds. One of them is active: it is what readers see. Port, and its adapter over the
 * database's functions; in memory: memory/model-versions.ts.
 */
import type { ModelDefinition } from '../../domain/learning/model.ts'
import type { OutcomeDefinition } from '../../domain/learning/outcome.ts'
import { StrandlineError } from '../errors.ts'
import type { LearnerName } from '../runner/consumer-names.ts'
import { createCheckpointStore } from './checkpoint-store.ts'
import type { Store } from './store.ts'

export interface ModelVersion extends LearnerName {
  model_version: number
  /** What it learns. */
  outcome: OutcomeDefinition
  topic: string
  active: boolean
  /** `rebuild` folds it: learners leave it alone until it has caught up. */
  building: boolean
  /** It is being taken away: no version any more to anybody but `drop`. */
  dropping: boolean
  /** The version that was active when this one was promoted: where a rollback goes. */
  previous: number | null
  /** Scored trades that count. */
  n: number
  /** ISO 8601. */
  created_at: string
}

/** A model, by the hash of its definition, over a topic. */
export interface NamedModel {
  model: string
  hash: string
  definition: ModelDefinition
  topic: string
}

export interface OpenedVersion {
  model_version: number
  active: boolean
  build: number
}

/** A version that learners keep up to date. */
export type MaintainedVersion = Pick<ModelVersion, 'model_version' | 'model' | 'hash' | 'build' | 'active'> & {
  definition: ModelDefinition
}

export interface Switch {
  /** changed: another version is active than was expected. */
  status: 'ok' | 'unknown' | 'changed'
  /** The version that was active. */
  previous: number | null
}

/** Errors of each: STORE_UNREACHABLE, STORE_SCHEMA. */
export interface ModelVersionStore {
  /** The version with which a learner of the model goes on: the active build, else the newest; where there is none, a new one. Readers see it only where they see no other yet. */
  open(model: NamedModel): Promise<OpenedVersion>
  /** A build of its own beside the others: the one that was begun (`begun`) and has not caught up, else a new one. */
  openBuild(model: NamedModel): Promise<OpenedVersion & { begun: boolean }>
  /** A build has caught up: learners keep it up to date from now on. */
  built(modelVersion: number): Promise<void>
  /** Those over a topic that learners keep up to date, the active one first. */
  maintained(topic: string): Promise<MaintainedVersion[]>
  /** The active one first, then the newest first. */
  list(): Promise<ModelVersion[]>
  /** Whether readers see this version now. */
  isActive(modelVersion: number): Promise<boolean>
  /**
   * Makes it the one that readers see; 'unknown': there is no such version.
   * @param from the version that is taken for the active one; null: whichever is
   * @param back a rollback: what was before the version stays as it is, so that the next one goes one further back
   */
  activate(modelVersion: number, from?: number | null, back?: boolean): Promise<Switch>
}

export function createModelVersionStore(store: Pick<Store, 'rpc'>): ModelVersionStore {
  const named = ({ model, hash, definition, topic }: NamedModel) => ({
    p_model: model,
    p_hash: hash,
    p_definition: JSON.stringify(definition),
    p_topic: topic,
  })
  return {
    open: (model) => store.rpc('strandline_learner_open_version', named(model)),
    openBuild: (model) => store.rpc('strandline_learner_open_build', named(model)),
    built: (id) => store.rpc('strandline_learner_built', { p_model_version: id }),
    maintained: (topic) => store.rpc('strandline_learner_maintained', { p_topic: topic }),
    list: () => store.rpc('strandline_learner_versions', {}),
    isActive: async (id) =>
      (await store.rpc<boolean | null>('strandline_learner_is_active', { p_model_version: id })) === true,
    activate: (id, from = null, back = false) =>
      store.rpc('strandline_learner_activate', { p_model_version: id, p_from: from, p_back: back }),
  }
}

/** What is said of a model that no learner ever ran under. */
export function unknownModel(name: string, versions: Pick<ModelVersion, 'model' | 'dropping'>[]): StrandlineError {
  const names = [...new Set(versions.filter((v) => !v.dropping).map((v) => v.model))]
  const known = names.length === 0 ? 'no model has learned yet' : `there are ${names.join(', ')}`
  return new StrandlineError('USAGE', `Nothing was ever learned under a model '${name}': ${known}.`, {
    todo: `Name another one (./strandline models), or run its learner first: ./strandline learner --model ${name}.`,
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
