/** Which model version readers see: switched by a person alone, and only to one that knows all that the log holds. */
import type { Clock } from '../../core/clock.ts'
import { StrandlineError } from '../../core/errors.ts'
import { createModelVersionStore, type ModelVersion, type ModelVersionStore } from '../../core/store/model-versions.ts'
import type { Store } from '../../core/store/store.ts'
import { versionLabel } from '../../core/store/version-name.ts'
import { type AskedLog, type Knows, requireCaughtUp } from './caught-up.ts'
import { chooseVersion, newerVersion } from './choose-version.ts'

/** A version, for whoever reads an answer. */
export type VersionName = { name: string } & Pick<ModelVersion, 'hash' | 'build' | 'topic'>

export const versionName = ({ model, hash, build, topic }: ModelVersion): VersionName => ({
  name: model,
  hash,
  build,
  topic,
})

export interface Promotion extends VersionName, Knows {
  /** The version that was active before; null: none was. */
  previous: VersionName | null
}

export interface PromoteOptions {
  /** A version (choose-version.ts); default: what is newer than the active one. */
  name?: string
  /** Where a model learns from several topics: which version. */
  topic?: string
  /** Also an empty one, or one that lags. */
  force?: boolean
}

interface Deps {
  store: Store
  log: AskedLog
  clock: Clock
}

/** Errors: USAGE (no such version, or several), MODEL_BEHIND (empty, or lagging), LOG_CHECKPOINT_LOST (another log), STORE_UNREACHABLE, LOG_UNREACHABLE, LOG_TOPIC_MISSING. */
export async function promote(deps: Deps, { name, topic, force = false }: PromoteOptions = {}): Promise<Promotion> {
  const store = createModelVersionStore(deps.store)
  const versions = await store.list()
  const version = name === undefined ? newerVersion(versions) : chooseVersion(versions, name, topic)
  return switchTo(deps, store, versions, version, { force })
}

export interface RollbackOptions {
  /** The version that was looked at: where going back leads to another one by now, nothing is changed. */
  name?: string
  topic?: string
  force?: boolean
}

/** Back to the version that was active before the one that is. Errors: as of promote; USAGE where none was, or another one than was named. */
export async function rollback(deps: Deps, { name, topic, force = false }: RollbackOptions = {}): Promise<Promotion> {
  const store = createModelVersionStore(deps.store)
  const versions = await store.list()
  const active = versions.find((v) => v.active)
  const before = versions.find((v) => v.model_version === active?.previous && !v.dropping)
  if (!before)
    throw new StrandlineError('USAGE', 'There is nothing to go back to: no version was active before this one.', {
      todo: 'Name a version: ./strandline models lists them, ./strandline promote switches.',
    })
  if (name !== undefined && chooseVersion(versions, name, topic) !== before)
    throw new StrandlineError(
      'USAGE',
      `Readers were switched meanwhile: going back leads to ${versionLabel(before)} now, and not to ${name}. Nothing was changed.`,
      { todo: 'Look at the versions, and say it again.' },
    )
  return switchTo(deps, store, versions, before, { force, back: true })
}

async function switchTo(
  deps: Deps,
  store: ModelVersionStore,
  versions: ModelVersion[],
  version: ModelVersion,
  { force, back = false }: { force: boolean; back?: boolean },
): Promise<Promotion> {
  const known = await requireCaughtUp(deps, version, force)
  const active = versions.find((v) => v.active)
  const answer = await store.activate(version.model_version, active?.model_version ?? null, back)
  if (answer.status !== 'ok')
    throw new StrandlineError(
      'USAGE',
      answer.status === 'changed'
        ? 'Somebody else has switched readers to another version meanwhile: nothing was changed.'
        : `${versionLabel(version)} has been dropped meanwhile: nothing was changed.`,
      { todo: 'Look at ./strandline models, and say it again.' },
    )
  const previous = versions.find((v) => v.model_version === answer.previous)
  return { ...versionName(version), ...known, previous: previous ? versionName(previous) : null }
}
