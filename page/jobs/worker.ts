/** A thread of jobs.ts: does one piece of work, says what came of it, and ends. */
import { parentPort, workerData } from 'node:worker_threads'
import { Registry } from 'prom-client'
import { systemClock } from '../../core/clock.ts'
import { createCodec } from '../../core/codec/position-closed-codec.ts'
import type { Config } from '../../core/config.ts'
import { explain, findStrandlineError } from '../../core/errors.ts'
import { createKafkaLog } from '../../core/log/kafka-log.ts'
import { createLogger } from '../../core/logger.ts'
import { openStore } from '../../core/store/open-store.ts'
import { judgeLog } from '../../replay/judge-log.ts'
import { audit } from '../../services/audit/audit.ts'
import { modelToRebuild } from '../../services/learner/model-to-rebuild.ts'
import { rebuild } from '../../services/learner/rebuild.ts'
import { GIVE_UP, type Job, type JobResult, type RebuildProgress } from './jobs.ts'

const { config, job } = workerData as { config: Config; job: Job }
const logger = createLogger({ name: 'page', level: 'error' })
const log = createKafkaLog(config, logger)
const store = openStore(config)
const deps = { config, log, store, codec: createCodec(config), clock: systemClock, logger, metrics: new Registry() }

async function work(): Promise<unknown> {
  if (job.kind === 'audit') return audit(deps)
  return job.kind === 'verdict' ? judgeLog(deps, job) : rebuildModel(job.model)
}

async function rebuildModel(name: string | undefined): Promise<unknown> {
  const given = new AbortController()
  parentPort?.on('message', (said) => said === GIVE_UP && given.abort())
  const say = (progress: RebuildProgress) => parentPort?.postMessage({ progress })
  const model = await modelToRebuild(store, name, { configured: config.model, files: false })
  return rebuild(deps, model, {
    opened: (version) => say({ version }),
    progress: (applied, total) => say({ applied, total }),
    waiting: (waiting) => say({ waiting }),
    signal: given.signal,
  })
}

const result = await work().then(
  (value): JobResult => ({ value }),
  (error): JobResult => {
    const known = findStrandlineError(error)
    return { error: { code: known?.code ?? null, message: known?.message ?? explain(error), todo: known?.todo } }
  },
)
parentPort?.postMessage(result)
parentPort?.removeAllListeners('message') // or the thread waits for more
await Promise.allSettled([log.close(), store.close()])
