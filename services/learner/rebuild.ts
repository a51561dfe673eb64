/** The whole log folded once more into a version of its own, beside what readers see. */
import type { ServiceDeps } from '../../core/service.ts'
import { createModelVersionStore, type ModelVersion, type ModelVersionStore } from '../../core/store/model-versions.ts'
import type { Model } from '../../domain/learning/model.ts'
import { applyWholeLog, type CatchUpOptions } from './catch-up.ts'
import { namedModel } from './learner-store.ts'
import { type VersionName, versionName } from './promote.ts'

export interface Rebuilt extends VersionName {
  /** It was begun before, and went on where it stood. */
  begun: boolean
  /** Readers see it: nothing else was there. */
  active: boolean
  /** It has applied the whole log; learners keep it up to date from now on. false: it was given up, and goes on when it is asked for again. */
  complete: boolean
  /** The version whose sums it reads, for they are the same: nothing was folded. null: it has its own. */
  sums_of: VersionName | null
}

export interface RebuildOptions extends CatchUpOptions {
  /** Hears which version it is, before it begins. */
  opened?: (version: VersionName, begun: boolean) => void
}

/** Errors: STORE_UNREACHABLE, LOG_UNREACHABLE, LOG_TOPIC_MISSING, and what a learner reports. What is applied by then stays. */
export async function rebuild(deps: ServiceDeps, model: Model, options: RebuildOptions = {}): Promise<Rebuilt> {
  const { topic } = deps.config
  const versions = createModelVersionStore(deps.store)
  await deps.log.offsets(topic) // a topic that is not there is said before a version is made
  const row = await versions.openBuild(namedModel(model, topic))
  const { begun, active, build } = row
  const name = { name: model.definition.name, hash: model.hash, build, topic }
  const owner = row.sums === row.model_version ? undefined : await versionOf(versions, row.sums)
  if (owner) return { ...name, begun, active, complete: true, sums_of: versionName(owner) }
  options.opened?.(name, begun)
  const complete = await applyWholeLog(deps, model, row, { patient: true, ...options })
  if (complete) await versions.built(row.model_version)
  return { ...name, begun, active, complete, sums_of: null }
}

const versionOf = async (versions: ModelVersionStore, id: number) =>
  (await versions.list()).find((v) => v.model_version === id) as ModelVersion
