/** The whole log folded once more into a version of its own, beside what readers see. */
import type { ServiceDeps } from '../../core/service.ts'
import { createModelVersionStore } from '../../core/store/model-versions.ts'
import type { Model } from '../../domain/learning/model.ts'
import { applyWholeLog, type CatchUpOptions } from './catch-up.ts'
import { namedModel, openedVersion } from './learner-store.ts'
import type { VersionName } from './promote.ts'

export interface Rebuilt extends VersionName {
  /** It was begun before, and went on where it stood. */
  begun: boolean
  /** Readers see it: nothing else was there. */
  active: boolean
  /** It has applied the whole log; learners keep it up to date from now on. false: it was given up, and goes on when it is asked for again. */
  complete: boolean
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
  const name = { name: model.definition.name, hash: model.hash, build: row.build, topic }
  options.opened?.(name, row.begun)
  const complete = await applyWholeLog(deps, model, openedVersion(model, row), { patient: true, ...options })
  if (complete) await versions.built(row.model_version)
  return { ...name, begun: row.begun, active: row.active, complete }
}
