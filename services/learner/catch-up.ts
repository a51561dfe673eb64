/** Learns a log to its end and stops: for imports, where no learner of that model is running. */
import { StrandlineError } from '../../core/errors.ts'
import type { ServiceDeps } from '../../core/service.ts'
import { startLearner } from './index.ts'
import { type Generation, openGeneration } from './learner-store.ts'
import { loadModel } from './load-model.ts'
import type { Model } from './model.ts'

export interface CaughtUp {
  model: Model
  generation: Generation
  /** Records of the topic that are learned now (all partitions' ends). */
  records: number
}

const POLL_MS = 100
/** How long no partition may move before we say that something is wrong. */
const STALLED_MS = 60_000

/**
 * Runs a learner of `model` until it has applied all that the topic holds now. A learner of the same model that runs elsewhere is welcome: the group shares
 * the partitions, and the positions in the database say when all is done. Errors: STORE_UNREACHABLE, LOG_UNREACHABLE.
 */
export async function learnUntilCaughtUp(deps: ServiceDeps, model: string): Promise<CaughtUp> {
  const { log, store, clock } = deps
  const config = { ...deps.config, model }
  const compiled = loadModel(model)
  const generation = await openGeneration(store, compiled, false)
  const ends = await log.offsets(config.topic)
  const learner = await startLearner({ ...deps, config }, { activate: false })
  try {
    let moved = clock.now()
    let before = ''
    for (;;) {
      const { data, error } = await store.client
        .from('consumer_positions')
        .select('partition, position')
        .eq('consumer', generation.consumer)
        .eq('topic', config.topic)
      if (error)
        throw new StrandlineError(
          'STORE_UNREACHABLE',
          `The positions of ${generation.consumer} cannot be read: ${error.message}.`,
        )
      const positions = new Map(data.map((r) => [r.partition as number, Number(r.position ?? 0)]))
      if (ends.every((e) => e.end === e.start || (positions.get(e.partition) ?? 0) >= e.end)) break
      const now = JSON.stringify(data)
      if (now !== before) moved = clock.now()
      before = now
      if (clock.now() - moved > STALLED_MS)
        throw new StrandlineError(
          'STORE_UNREACHABLE',
          `The learner of ${model} has stood still for ${STALLED_MS / 1000} s.`,
          {
            todo: (await learner.ready()).reason ?? 'See its log.',
          },
        )
      await clock.sleep(POLL_MS)
    }
    return { model: compiled, generation, records: ends.reduce((sum, e) => sum + e.end, 0) }
  } finally {
    await learner.stop()
  }
}
