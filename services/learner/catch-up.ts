/** Learns a log to its end and stops: for imports, where no learner of that model is running, and for rebuilds. */
import { unknownSchemaTimeout } from '../../core/codec/unknown-schemas.ts'
import { StrandlineError } from '../../core/errors.ts'
import { loadModel } from '../../core/load-model.ts'
import { type PartitionOffsets, writtenEnd } from '../../core/log/log.ts'
import type { Service, ServiceDeps } from '../../core/service.ts'
import { createModelVersionStore, type OpenedVersion, readCheckpoints } from '../../core/store/model-versions.ts'
import { createTeller } from '../../core/teller.ts'
import type { Model } from '../../domain/learning/model.ts'
import { startVersion } from './index.ts'
import { openVersion } from './learner-store.ts'

export interface CaughtUp {
  model: Model
  modelVersion: OpenedVersion
  /** Records of the topic that are learned now (all partitions' ends). */
  records: number
}

export interface CatchUpOptions {
  /** Hears, every ten seconds in which nothing moved, what is waited for: one sentence. */
  waiting?: (sentence: string) => void
  /** Hears how many of how many records of the log are applied. */
  progress?: (done: number, total: number) => void
  /** A database that is away for a moment is waited for, as one that stands still. */
  patient?: boolean
  /** Gives it up. */
  signal?: AbortSignal
}

const POLL_MS = 100
/** How long no partition may move before we say that something is wrong. */
const STALLED_MS = 60_000
/** A round that took no longer leaves no more behind than a learner does that keeps up. */
const SHORT_MS = 2_000

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
  const compiled = loadModel(model)
  const modelVersion = await openVersion(createModelVersionStore(deps.store), compiled, deps.config.topic)
  const ends = await writtenEnds(deps)
  const learner = await startVersion(deps, compiled, modelVersion)
  try {
    await applied(deps, compiled, modelVersion, learner, ends, { waiting })
    return { model: compiled, modelVersion, records: ends.reduce((sum, e) => sum + e.end, 0) }
  } finally {
    await learner.stop()
  }
}

/**
 * Runs a learner of a version until it has applied all that the topic holds, also what came while it did, but for what came in the last two seconds.
 * false: `signal` came first. Errors: STORE_UNREACHABLE, LOG_UNREACHABLE.
 */
export async function applyWholeLog(
  deps: ServiceDeps,
  model: Model,
  modelVersion: OpenedVersion,
  options: CatchUpOptions,
): Promise<boolean> {
  let ends = await writtenEnds(deps)
  const learner = await startVersion(deps, model, modelVersion)
  try {
    for (;;) {
      const began = deps.clock.now()
      if (!(await applied(deps, model, modelVersion, learner, ends, options))) break
      if (deps.clock.now() - began <= SHORT_MS) return true
      ends = await writtenEnds(deps)
    }
  } finally {
    await learner.stop()
  }
  // what was under way when it was given up is committed by now
  const checkpoints = await readCheckpoints(deps.store, modelVersion.consumer, deps.config.topic).catch(() => null)
  if (checkpoints) options.progress?.(total(appliedOf(ends, checkpoints)), total(ends.map((e) => e.end - e.start)))
  return false
}

const total = (records: readonly number[]) => records.reduce((sum, n) => sum + n, 0)

/** Records that are applied, by partition. */
const appliedOf = (ends: readonly PartitionOffsets[], checkpoints: ReadonlyMap<number, number | null>): number[] =>
  ends.map((e) => Math.min(e.end, Math.max(e.start, checkpoints.get(e.partition) ?? 0)) - e.start)

/** To the end of what is written, not of what can be read: an import must not be called learned behind somebody's open transaction. */
async function writtenEnds({ log, config }: ServiceDeps): Promise<PartitionOffsets[]> {
  return (await log.offsets(config.topic)).map((r) => ({ ...r, end: writtenEnd(r) }))
}

/** Until the checkpoints have reached these ends; false: the signal came first. */
async function applied(
  { log, store, clock, config }: ServiceDeps,
  { definition: { name } }: Model,
  { consumer }: OpenedVersion,
  learner: Service,
  ends: PartitionOffsets[],
  { waiting, progress, patient = false, signal }: CatchUpOptions,
): Promise<boolean> {
  const stalledMs = STALLED_MS + unknownSchemaTimeout(config.registry.unknownAfterMs).afterMs
  const why = async () =>
    (await learner.ready()).reason ?? openTransaction(await log.offsets(config.topic), config.topic) ?? 'See its log.'
  let moved = clock.now()
  let standing = 0
  const tell = createTeller(
    waiting,
    async () => `The learner of ${name} has stood still for ${standing} s: ${await why()}`,
    () => clock.now(),
  )
  let before = ''
  for (;;) {
    if (signal?.aborted) return false
    const checkpoints = await readCheckpoints(store, consumer, config.topic).catch((error) => {
      if (!patient || clock.now() - moved > stalledMs) throw error
      return null
    })
    if (checkpoints === null) {
      await clock.sleep(POLL_MS, signal)
      continue
    }
    const done = appliedOf(ends, checkpoints)
    progress?.(total(done), total(ends.map((e) => e.end - e.start)))
    if (ends.every((e, i) => done[i] === e.end - e.start)) return true
    const now = JSON.stringify([...checkpoints])
    if (now !== before) {
      moved = clock.now()
      tell.moved()
    }
    before = now
    standing = Math.round((clock.now() - moved) / 1000)
    await tell()
    if (clock.now() - moved > stalledMs)
      throw new StrandlineError('STORE_UNREACHABLE', `The learner of ${name} has stood still for ${standing} s.`, {
        todo: await why(),
      })
    await clock.sleep(POLL_MS, signal)
  }
}

function openTransaction(ranges: PartitionOffsets[], topic: string): string | undefined {
  const held = ranges.find((r) => writtenEnd(r) > r.end)
  return (
    held &&
    `${topic}/${held.partition} can be read up to offset ${held.end} only, though ${writtenEnd(held)} are written: somebody's transaction is open. It ends by itself, or kafka-transactions.sh aborts it.`
  )
}
