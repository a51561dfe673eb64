/** Which model version readers see: switched by a person alone, and only to one that knows all that the log holds. */
import type { Clock } from '../../core/clock.ts'
import { StrandlineError } from '../../core/errors.ts'
import type { EventLog, PartitionOffsets } from '../../core/log/log.ts'
import {
  createModelVersionStore,
  type ModelVersion,
  readCheckpoints,
  unknownModel,
} from '../../core/store/model-versions.ts'
import type { Store } from '../../core/store/store.ts'
import { learnerConsumer } from './learner-store.ts'

export interface Activation {
  model: string
  topic: string
  hash: string
  /** Scored trades behind its coefficients. */
  n: number
  /** Records of its log that it has not applied. */
  lag_records: number
  /** The model that was active before; null: none was. */
  previous: string | null
}

export interface ActivateOptions {
  model: string
  /** Where a model learns from several topics: which version. */
  topic?: string
  /** Also an empty one, or one that lags. */
  force?: boolean
}

/** A learner that keeps up is always a little behind; it has this long to reach the ends that the log had when we asked. */
const PATIENCE_MS = 10_000
const POLL_MS = 200

/** Errors: USAGE (no such model, or several), MODEL_BEHIND (empty, or lagging), STORE_UNREACHABLE, LOG_UNREACHABLE, LOG_TOPIC_MISSING. */
export async function activate(
  { store, log, clock }: { store: Store; log: Pick<EventLog, 'offsets'>; clock: Clock },
  { model, topic, force = false }: ActivateOptions,
): Promise<Activation> {
  const modelVersions = createModelVersionStore(store)
  const versions = await modelVersions.list()
  const version = choose(versions, model, topic)
  const { n, lag_records } = await requireCaughtUp({ store, log, clock }, version, force)
  const answer = await modelVersions.activate(version.model_version)
  if (answer.status !== 'ok') throw unknownModel(model, await modelVersions.list())
  const previous = versions.find((v) => v.model_version === answer.previous)
  return {
    model,
    topic: version.topic,
    hash: version.hash,
    n,
    lag_records,
    previous: previous?.model ?? null,
  }
}

/**
 * How much a version knows: its scored trades, and the records of its log that it has not applied after a few seconds of patience.
 * @param force also an empty one, or one that lags; the log need not even be there
 * Errors: MODEL_BEHIND (empty, or lagging), STORE_UNREACHABLE, LOG_UNREACHABLE, LOG_TOPIC_MISSING.
 */
export async function requireCaughtUp(
  { store, log, clock }: { store: Pick<Store, 'rpc'>; log: Pick<EventLog, 'offsets'>; clock: Clock },
  version: ModelVersion,
  force = false,
): Promise<{ n: number; lag_records: number }> {
  const { model, topic } = version
  const ends = await log.offsets(topic).catch((error) => {
    if (force) return [] // it is what the operator asked for
    throw error
  })
  const lag_records = await lagOf(store, clock, version, ends, force ? 0 : PATIENCE_MS)
  const { n } =
    (await createModelVersionStore(store).list()).find((v) => v.model_version === version.model_version) ?? version
  if (!force) {
    const held = ends.reduce((sum, o) => sum + o.end - o.start, 0)
    if (n === 0 && held > 0)
      throw new StrandlineError(
        'MODEL_BEHIND',
        `${model} has learned no trade, while ${topic} holds ${held} records.`,
        {
          todo: `Run its learner (./strandline learner --model ${model}) and look at ./strandline lag; --force switches all the same.`,
        },
      )
    if (lag_records > 0)
      throw new StrandlineError('MODEL_BEHIND', `${model} has not applied all of ${topic} yet: ${lag_records} to go.`, {
        todo: `Let its learner (./strandline learner --model ${model}) catch up: ./strandline lag shows it; --force switches all the same.`,
      })
  }
  return { n, lag_records }
}

/** Of several versions over one topic (the model's definition changed), the newest. */
function choose(versions: ModelVersion[], model: string, topic?: string): ModelVersion {
  const named = versions.filter((v) => v.model === model)
  if (named.length === 0) throw unknownModel(model, versions)
  const topics = [...new Set(named.map((v) => v.topic))]
  if (topic === undefined && topics.length > 1)
    throw new StrandlineError('USAGE', `${model} learns from several topics: ${topics.join(', ')}.`, {
      todo: 'Name one with --topic.',
    })
  const found = named
    .filter((v) => v.topic === (topic ?? topics[0]))
    .sort((a, b) => b.model_version - a.model_version)[0]
  if (!found)
    throw new StrandlineError('USAGE', `${model} never learned from ${topic}, but from ${topics.join(', ')}.`, {
      todo: 'Name one of these with --topic.',
    })
  return found
}

async function lagOf(
  store: Pick<Store, 'rpc'>,
  clock: Clock,
  { model, hash, topic }: ModelVersion,
  ends: PartitionOffsets[],
  patience: number,
): Promise<number> {
  const until = clock.now() + patience
  for (;;) {
    const checkpoints = await readCheckpoints(store, learnerConsumer(model, hash), topic)
    const lag = ends.reduce((sum, o) => sum + Math.max(0, o.end - (checkpoints.get(o.partition) ?? o.start)), 0)
    if (lag === 0 || clock.now() >= until) return lag
    await clock.sleep(POLL_MS)
  }
}
