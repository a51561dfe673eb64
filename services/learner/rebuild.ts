/** The whole log folded once more into a version of its own, beside what readers see. */
import type { ServiceDeps } from '../../core/service.ts'
import { createModelVersionStore, sumsOwner } from '../../core/store/model-versions.ts'
import type { Model } from '../../domain/learning/model.ts'
import { applyWholeLog, type CatchUpOptions } from './catch-up.ts'
import { lagOf } from './caught-up.ts'
import { namedModel } from './learner-store.ts'
import { endsOfOwnLog } from './own-log.ts'
import { type VersionName, versionName } from './promote.ts'

export interface Rebuilt extends VersionName {
  /** It was begun before, and went on where it stood. */
  begun: boolean
  /** Readers see it: nothing else was there. */
  active: boolean
  /** It has applied the whole log; learners keep it up to date from now on. false: it was given up, and goes on when it is asked for again. */
  complete: boolean
  /** The version whose sums it reads, for they are the same; null: it has its own. */
  sums_of: VersionName | null
}

/** So long a learner that keeps up is waited for: no longer than a person waits without a word. */
const KEEPS_UP_MS = 2_000

export interface RebuildOptions extends CatchUpOptions {
  /** Hears which version it is, before it begins. */
  opened?: (version: VersionName, begun: boolean) => void
}

/** Errors: STORE_UNREACHABLE, LOG_UNREACHABLE, LOG_TOPIC_MISSING, LOG_CHECKPOINT_LOST (another log than other versions have read), and what a learner reports. What is applied by then stays. */
export async function rebuild(deps: ServiceDeps, model: Model, options: RebuildOptions = {}): Promise<Rebuilt> {
  const { topic } = deps.config
  const versions = createModelVersionStore(deps.store)
  const known = (await versions.list()).filter((v) => v.topic === topic)
  let ends = await deps.log.offsets(topic) // a topic that is not there, or another log, is said before a version is made
  for (const version of known) ends = await endsOfOwnLog(deps.store, deps.log, version)
  const row = await versions.openBuild(namedModel(model, topic))
  const { begun, active, build } = row
  const name = { name: model.definition.name, hash: model.hash, build, topic }
  const owner = sumsOwner(await versions.list(), row)
  const of = { ...name, begun, active, sums_of: owner && versionName(owner) }
  // whoever keeps the sums of another version up to date has a moment for it; where nobody does, we go on with them
  if (owner && (await lagOf(deps.store, deps.clock, owner, ends, KEEPS_UP_MS)) === 0) return { ...of, complete: true }
  options.opened?.(name, begun || owner !== null)
  const complete = await applyWholeLog(deps, model, row, { patient: true, ...options })
  if (complete && !owner) await versions.built(row.model_version)
  return { ...of, complete }
}
