/** What a model makes of the log at any moment: the version that readers see, another one, or a model that nobody ever ran. */
import { createCodec } from '../core/codec/position-closed-codec.ts'
import { AT_ONCE } from '../core/codec/unknown-schemas.ts'
import type { Config } from '../core/config.ts'
import { findStrandlineError, StrandlineError } from '../core/errors.ts'
import { loadModel } from '../core/load-model.ts'
import type { EventLog } from '../core/log/log.ts'
import { createCoefficientStore, type StoredCoefficients, type StoredVersion } from '../core/store/coefficient-store.ts'
import { unknownModel } from '../core/store/model-versions.ts'
import type { Store } from '../core/store/store.ts'
import type { Cut } from '../domain/history/cut.ts'
import type { TradeHistory } from '../domain/history/trade-history.ts'
import { compileModel, type Model } from '../domain/learning/model.ts'
import { learnedOutcome } from '../domain/learning/outcome.ts'
import { createAuditStore } from '../services/audit/audit-store.ts'
import { readLetters } from '../services/audit/stores.ts'
import { type HistorySource, type ReadHistory, readHistory } from './read-history.ts'

export interface HistoryDeps {
  store: Store
  log: EventLog
  config: Pick<Config, 'kafka' | 'registry' | 'topic'>
  /** Where caches of logs lie; default: the user's cache folder. */
  cacheDir?: string
  progress?(done: number, total: number): void
}

export interface OpenHistory {
  model: Model
  /** 1: the first over its log. */
  build: number
  topic: string
  /** Readers see this version now. */
  active: boolean
  /** null: it is in no database, and was folded for this question alone. */
  model_version: number | null
  history: TradeHistory
  /** Offset behind the last record that was read, by partition. */
  ends: Map<number, number>
  /** Records that were read now, and not found in the cache. */
  read: number
  /** Rows that the learner refused, though they can be read: they count at no moment. */
  refused: ReadonlySet<number>
  /** 1 for each row that counts in coefficients at this moment. */
  effective(cut: Cut): Uint8Array
  /** 1 for the newest row of each trade at this moment, voided and unscored ones too. */
  newest(cut: Cut): Uint8Array
}

/**
 * @param name a model that was learned (of several versions the active one, else the newest), one that is shipped, or a model file; without: the active one
 * Errors: USAGE (no such model), MODEL_INVALID, NOTHING_LEARNED, and those of database, log and registry.
 */
export async function openHistory(deps: HistoryDeps, name?: string): Promise<OpenHistory> {
  const version = await versionNamed(deps.store, name)
  const { history, ends, read } = await readHistory(sourceOf(deps, version), version.model)
  return openedOf(deps.store, version, { history, ends, read }, deps.config.topic)
}

export interface NamedVersion extends Pick<OpenHistory, 'model' | 'build' | 'active' | 'model_version'> {
  /** undefined: it is in no database, and read from the topic of the loop. */
  topic: string | undefined
  /** Of its learner; undefined: none ever ran. */
  consumer: string | undefined
}

/** As openHistory. */
export async function versionNamed(store: Store, name?: string): Promise<NamedVersion> {
  const version = await findVersion(createCoefficientStore(store), name)
  return {
    model: version ? compileModel(version.definition, version.hash) : loadModel(name as string),
    build: version?.build ?? 1,
    active: version?.active ?? false,
    model_version: version?.model_version ?? null,
    topic: version?.topic,
    consumer: version?.consumer,
  }
}

/** Where a version's history is read. */
export function sourceOf({ log, config, cacheDir, progress }: HistoryDeps, version: NamedVersion): HistorySource {
  const topic = version.topic ?? config.topic
  const codec = createCodec({ registry: config.registry, topic }, undefined, AT_ONCE)
  const cluster = [...config.kafka.brokers].sort().join(',')
  return { log, codec, topic, cluster, dir: cacheDir, progress }
}

/** What was read, less what the learner refused. Errors: STORE_UNREACHABLE. */
export async function openedOf(
  store: Store,
  { topic: named, consumer, ...version }: NamedVersion,
  { history, ends, read }: ReadHistory,
  fallbackTopic: string,
): Promise<OpenHistory> {
  const topic = named ?? fallbackTopic
  const letters = consumer === undefined ? [] : (await readLetters(createAuditStore(store), topic, consumer)).keys()
  const refused = history.rowsAt(new Set(letters))
  return {
    ...version,
    topic,
    history,
    ends,
    read,
    refused,
    effective: (cut) => history.effective(cut, refused),
    newest: (cut) => history.newest(cut, refused),
  }
}

/** A model that was learned, by its name or that of a version, else one that comes along, or a model file. Errors: USAGE, MODEL_INVALID. */
export async function modelNamed(store: Store, name: string): Promise<Model> {
  const version = await findVersion(createCoefficientStore(store), name)
  return version ? compileModel(version.definition, version.hash) : loadModel(name)
}

/** null: nobody ever learned under it, and there is such a model. */
async function findVersion(store: StoredCoefficients, name: string | undefined): Promise<StoredVersion | null> {
  const version = await store.version(name ?? null)
  if (version) return version
  if (name === undefined)
    throw new StrandlineError('NOTHING_LEARNED', 'No learner ever ran here, so there is no model to ask.', {
      todo: 'Run one (./strandline up), or name a model: --model lowcap-v4.',
    })
  try {
    loadModel(name)
    return null
  } catch (error) {
    if (findStrandlineError(error)?.code !== 'USAGE') throw error
    throw unknownModel(name, await store.list())
  }
}

/** Which model answered, for JSON. */
export const answering = ({ model, build, active }: OpenHistory) => ({
  name: model.definition.name,
  hash: model.hash,
  build,
  active,
  outcome: learnedOutcome(model.definition),
})
