/**
 * Model versions: a model folded over one log each, once or in several builds. One of them is active: it is what readers see. A model whose sums another
 * version has reads those: ledger, sums, checkpoints and learners are of the sums, and not of each version that reads them. Port, and its adapter over the
 * database's functions; in memory: memory/model-versions.ts.
 */
import type { ModelDefinition } from '../../domain/learning/model.ts'
import type { OutcomeDefinition } from '../../domain/learning/outcome.ts'
import { StrandlineError } from '../errors.ts'
import type { LearnerName } from '../runner/consumer-names.ts'
import { createCheckpointStore } from './checkpoint-store.ts'
import type { Store } from './store.ts'

/** Whose sums a version reads. */
export interface SumsOf {
  /** Its own, or those of the version with this number. */
  sums: number
  /** Names the checkpoints of these sums in `consumer_checkpoints`. */
  consumer: string
}

export interface ModelVersion extends LearnerName, SumsOf {
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

/** The version whose sums another one reads; null: it reads its own. */
export const sumsOwner = (
  all: readonly ModelVersion[],
  { model_version, sums }: Pick<ModelVersion, 'model_version' | 'sums'>,
): ModelVersion | null => (sums === model_version ? null : (all.find((v) => v.model_version === sums) ?? null))

/** A model, by the hash of its definition, over a topic. */
export interface NamedModel {
  model: string
  hash: string
  definition: ModelDefinition
  /** Of what its sums depend on (core/load-model.ts). */
  sums_hash: string
  topic: string
}

/** A version as its learner has it: what is applied is applied to its sums, whoever else reads them. */
export interface OpenedVersion extends SumsOf {
  model_version: number
  /** When it was opened; a switch changes it at any time. */
  active: boolean
  build: number
}

/** Sums that learners keep up to date, under the version that they are of. */
export interface MaintainedSums extends OpenedVersion, Pick<NamedModel, 'model' | 'hash' | 'definition'> {
  /** Readers see a version that reads them. */
  active: boolean
  /** The models of all versions that read them. */
  models: string[]
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
  /** A build beside the others: the one that was begun (`begun`) and has not caught up, else a new one. A model that is new here may find its sums with another version: then there is nothing to fold. */
  openBuild(model: NamedModel): Promise<OpenedVersion & { begun: boolean }>
  /** A build has caught up: learners keep it up to date from now on. */
  built(modelVersion: number): Promise<void>
  /** What learners of a topic keep up to date; what readers see first. */
  maintained(topic: string): Promise<MaintainedSums[]>
  /** The active one first, then the newest first. */
  list(): Promise<ModelVersion[]>
  /** Whether readers see a version now that reads these sums. */
  isActive(sums: number): Promise<boolean>
  /**
   * Makes it the one that readers see; 'unknown': there is no such version.
   * @param from the version that is taken for the active one; null: whichever is
   * @param back a rollback: what was before the version stays as it is, so that the next one goes one further back
   */
  activate(modelVersion: number, from?: number | null, back?: boolean): Promise<Switch>
}

export function createModelVersionStore(store: Pick<Store, 'rpc'>): ModelVersionStore {
  const named = ({ model, hash, definition, sums_hash, topic }: NamedModel) => ({
    p_model: model,
    p_hash: hash,
    p_definition: JSON.stringify(definition),
    p_sums_hash: sums_hash,
    p_topic: topic,
  })
  return {
    open: (model) => store.rpc('strandline_learner_open_version', named(model)),
    openBuild: (model) => store.rpc('strandline_learner_open_build', named(model)),
    built: (id) => store.rpc('strandline_learner_built', { p_model_version: id }),
    maintained: (topic) => store.rpc('strandline_learner_maintained', { p_topic: topic }),
    list: () => store.rpc('strandline_learner_versions', {}),
    isActive: (sums) => store.rpc('strandline_learner_is_active', { p_sums: sums }),
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
