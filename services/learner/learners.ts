/**
 * Learners of all sums over a topic: of what is promoted, what it was before, what was rebuilt and is looked at, and other models. Each has its
 * consumer group and checkpoints, so none waits for another; which ones there are the database says, and it is asked every second. So a promoted version is
 * up to date, and so is the one that a rollback goes back to. One that `rebuild` folds is left to it until it has caught up.
 */
import { explain } from '../../core/errors.ts'
import { loadModel } from '../../core/load-model.ts'
import type { Readiness, Service, ServiceDeps } from '../../core/service.ts'
import type { MaintainedSums } from '../../core/store/model-versions.ts'
import { compileModel } from '../../domain/learning/model.ts'
import { databaseStores, type LearnerOptions, type LearnerStores, startVersion } from './index.ts'
import { openVersion } from './learner-store.ts'

export interface LearnersOptions extends LearnerOptions {
  /** Only versions of the configured model. */
  only?: boolean
}

const EVERY_MS = 1_000

/** Opens the configured model's version first. Errors: STORE_UNREACHABLE, STORE_SCHEMA, LOG_UNREACHABLE, LOG_AUTH, LOG_TOPIC_MISSING, USAGE, MODEL_INVALID. */
export async function startLearners(
  deps: ServiceDeps,
  { only = false, ...options }: LearnersOptions = {},
  stores: LearnerStores = databaseStores(deps),
): Promise<Service> {
  const { config, clock, logger } = deps
  const { versions } = stores
  const own = loadModel(config.model)
  const stopping = new AbortController()
  const running = new Map<number, Service>()
  /** Why sums are not learned, said once. */
  const failures = new Map<number, string>()
  let mine = await openVersion(versions, own, config.topic)
  let wanted: MaintainedSums[] = []

  async function look(): Promise<void> {
    let all = await versions.maintained(config.topic)
    if (all.length === 0) {
      // the state was thrown away, or is that of a time before us
      mine = await openVersion(versions, own, config.topic)
      all = await versions.maintained(config.topic)
    }
    wanted = only ? all.filter((v) => v.models.includes(own.definition.name)) : all
  }

  const start = (version: MaintainedSums): Promise<Service> =>
    startVersion(deps, compileModel(version.definition, version.hash), version, options, stores)

  async function follow(): Promise<void> {
    for (const [id, service] of running) {
      if (wanted.some((v) => v.sums === id)) continue
      running.delete(id)
      await service.stop()
    }
    for (const version of wanted) {
      const id = version.sums
      if (stopping.signal.aborted || running.has(id)) continue
      try {
        running.set(id, await start(version))
        failures.delete(id)
      } catch (error) {
        const sentence = explain(error)
        if (failures.get(id) !== sentence)
          logger.warn({ err: error, model: version.model, model_version: id }, `not learned yet: ${sentence}`)
        failures.set(id, sentence)
        if (needed(version) && !started) throw error
      }
    }
  }

  /** What readers see, and what this process was started for; another version that cannot be learned is no reason to take this one away. */
  const needed = (v: MaintainedSums) => v.active || v.sums === mine.sums

  const stopAll = async () => {
    await Promise.all([...running.values()].map((service) => service.stop()))
    running.clear()
  }

  let started = false
  await look()
  await follow().catch(async (error) => {
    await stopAll()
    throw error
  })
  started = true

  const beats = deps.liveness?.loop('The look for model versions')
  const following = (async () => {
    for (;;) {
      beats?.beat()
      await clock.sleep(EVERY_MS, stopping.signal)
      if (stopping.signal.aborted) return
      await look().then(follow, () => undefined) // a database that is away: those that run say so
    }
  })()
  deps.liveness?.keeps('The look for model versions', following, stopping.signal)

  async function readiness({ sums }: MaintainedSums): Promise<Readiness> {
    const service = running.get(sums)
    return service?.ready() ?? { ok: false, reason: failures.get(sums) ?? 'It is being started.' }
  }

  return {
    name: 'learner',
    async ready() {
      for (const version of wanted.filter(needed)) {
        const { ok, reason } = await readiness(version)
        if (!ok) return { ok, reason }
      }
      return { ok: true }
    },
    async stop() {
      stopping.abort()
      await following.catch(() => undefined)
      await stopAll()
    },
  }
}
