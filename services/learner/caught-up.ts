/** Whether a version knows all that the log holds. */
import type { Clock } from '../../core/clock.ts'
import { findStrandlineError, StrandlineError } from '../../core/errors.ts'
import type { EventLog, PartitionOffsets } from '../../core/log/log.ts'
import { createModelVersionStore, type ModelVersion, readCheckpoints } from '../../core/store/model-versions.ts'
import type { Store } from '../../core/store/store.ts'
import { endsOfOwnLog } from './own-log.ts'

/** A learner that keeps up is always a little behind; it has this long to reach the ends that the log had when we asked. */
const PATIENCE_MS = 10_000
const POLL_MS = 200

export type AskedLog = Pick<EventLog, 'offsets' | 'topicId'>

export interface Knows {
  /** Scored trades behind its coefficients. */
  n: number
  /** Records of its log that it has not applied; null: the log cannot be asked, or is another one. */
  lag_records: number | null
}

/**
 * How much a version knows after a few seconds of patience.
 * @param force also an empty one, or one that lags; the log need not even be there
 * Errors: MODEL_BEHIND (empty, or lagging), LOG_CHECKPOINT_LOST (another log), STORE_UNREACHABLE, LOG_UNREACHABLE, LOG_TOPIC_MISSING.
 */
export async function requireCaughtUp(
  { store, log, clock }: { store: Pick<Store, 'rpc'>; log: AskedLog; clock: Clock },
  version: ModelVersion,
  force = false,
): Promise<Knows> {
  const { model, topic } = version
  const ends = await endsOfOwnLog(store, log, version).catch((error) => {
    if (force) return null // it is what the operator asked for
    const known = findStrandlineError(error)
    if (known?.code !== 'LOG_CHECKPOINT_LOST') throw error
    const todo = `${known.todo} --force switches all the same, whatever the log holds.`
    throw new StrandlineError(known.code, known.message, { todo, cause: error })
  })
  const lag_records = ends && (await lagOf(store, clock, version, ends, force ? 0 : PATIENCE_MS))
  const { n } =
    (await createModelVersionStore(store).list()).find((v) => v.model_version === version.model_version) ?? version
  if (force) return { n, lag_records }
  const todo = version.building
    ? `Let it be completed (./strandline rebuild goes on with it)`
    : `Let its learner (./strandline learner --model ${model}) catch up: ./strandline lag shows it`
  const held = (ends ?? []).reduce((sum, o) => sum + o.end - o.start, 0)
  if (n === 0 && held > 0)
    throw new StrandlineError('MODEL_BEHIND', `${model} has learned no trade, while ${topic} holds ${held} records.`, {
      todo: `${todo}; --force switches all the same: readers then see nothing learned.`,
    })
  if (lag_records)
    throw new StrandlineError('MODEL_BEHIND', `${model} has not applied all of ${topic} yet: ${lag_records} to go.`, {
      todo: `${todo}; --force switches all the same: readers then lack these trades until they are applied.`,
    })
  return { n, lag_records }
}

/** Records that a version has not applied, after so long (ms). */
export async function lagOf(
  store: Pick<Store, 'rpc'>,
  clock: Clock,
  version: Pick<ModelVersion, 'consumer' | 'topic'>,
  ends: readonly PartitionOffsets[],
  patienceMs = 0,
): Promise<number> {
  const until = clock.now() + patienceMs
  for (;;) {
    const checkpoints = await readCheckpoints(store, version.consumer, version.topic)
    const lag = ends.reduce((sum, o) => sum + Math.max(0, o.end - (checkpoints.get(o.partition) ?? o.start)), 0)
    if (lag === 0 || clock.now() >= until) return lag
    await clock.sleep(POLL_MS)
  }
}
