/** Learns a log to its end and stops: for imports, where no learner of that model is running. */
import { unknownSchemaTimeout } from '../../core/codec/unknown-schemas.ts'
import { StrandlineError } from '../../core/errors.ts'
import { loadModel } from '../../core/load-model.ts'
import { type PartitionOffsets, writtenEnd } from '../../core/log/log.ts'
import type { ServiceDeps } from '../../core/service.ts'
import { createModelVersionStore, readCheckpoints } from '../../core/store/model-versions.ts'
import { createTeller } from '../../core/teller.ts'
import type { Model } from '../../domain/learning/model.ts'
import { startLearner } from './index.ts'
import { type OpenVersion, openVersion } from './learner-store.ts'

export interface CaughtUp {
  model: Model
  modelVersion: OpenVersion
  /** Records of the topic that are learned now (all partitions' ends). */
  records: number
}

const POLL_MS = 100
/** How long no partition may move before we say that something is wrong. */
const STALLED_MS = 60_000

/**
 * Runs a learner of `model` until it has applied all that the topic holds now. A learner of the same model that runs elsewhere is welcome: the group shares
 * the partitions, and the checkpoints in the database say when all is done. Errors: STORE_UNREACHABLE, LOG_UNREACHABLE.
 * @param waiting hears, every ten seconds in which nothing moved, what is waited for: one sentence
 */
export async function learnUntilCaughtUp(
  deps: ServiceDeps,
  model: string,
  waiting?: (sentence: string) => void,
): Promise<CaughtUp> {
  const { log, store, clock } = deps
  const config = { ...deps.config, model }
  const compiled = loadModel(model)
  const modelVersion = await openVersion(createModelVersionStore(store), compiled, config.topic)
  const ranges = await log.offsets(config.topic)
  // to the end of what is written, not of what can be read: an import must not be called learned behind somebody's open transaction
  const ends = ranges.map((r) => ({ ...r, end: writtenEnd(r) }))
  const stalledMs = STALLED_MS + unknownSchemaTimeout(config.registry.unknownAfterMs).afterMs
  const learner = await startLearner({ ...deps, config })
  const why = async () =>
    (await learner.ready()).reason ?? openTransaction(await log.offsets(config.topic), config.topic) ?? 'See its log.'
  try {
    let moved = clock.now()
    let standing = 0
    const tell = createTeller(
      waiting,
      async () => `The learner of ${model} has stood still for ${standing} s: ${await why()}`,
      () => clock.now(),
    )
    let before = ''
    for (;;) {
      const checkpoints = await readCheckpoints(store, modelVersion.consumer, config.topic)
      if (ends.every((e) => e.end === e.start || (checkpoints.get(e.partition) ?? 0) >= e.end)) break
      const now = JSON.stringify([...checkpoints])
      if (now !== before) {
        moved = clock.now()
        tell.moved()
      }
      before = now
      standing = Math.round((clock.now() - moved) / 1000)
      await tell()
      if (clock.now() - moved > stalledMs)
        throw new StrandlineError('STORE_UNREACHABLE', `The learner of ${model} has stood still for ${standing} s.`, {
          todo: await why(),
        })
      await clock.sleep(POLL_MS)
    }
    return { model: compiled, modelVersion, records: ends.reduce((sum, e) => sum + e.end, 0) }
  } finally {
    await learner.stop()
  }
}

function openTransaction(ranges: PartitionOffsets[], topic: string): string | undefined {
  const held = ranges.find((r) => writtenEnd(r) > r.end)
  return (
    held &&
    `${topic}/${held.partition} can be read up to offset ${held.end} only, though ${writtenEnd(held)} are written: somebody's transaction is open. It ends by itself, or kafka-transactions.sh aborts it.`
  )
}
