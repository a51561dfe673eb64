/** The learner itself, on the service's own path. What is added: it tells when it began to fetch, and a profile on demand. */
import type { EventLog } from '../../core/log/log.ts'
import { startLearner } from '../../services/learner/index.ts'
import type { ProfileSummary } from '../stages.ts'
import { openDeps } from './deps.ts'
import { startProfiling } from './profiler.ts'
import { instant, serve, tell } from './serve.ts'

export interface LearnTask {
  topic: string
  profile?: boolean
}

let finish: () => Promise<ProfileSummary | undefined>

serve({
  /** Tells `began`, an instant: the first partition has its start, and is fetched now. */
  async learn({ topic, profile = false }: LearnTask): Promise<void> {
    const { deps, close } = openDeps({ topic })
    const profiling = profile ? await startProfiling() : undefined
    const service = await startLearner({ ...deps, log: tellingBegin(deps.log) })
    finish = async () => {
      const summary = await profiling?.stop()
      await service.stop()
      await close()
      return summary
    }
  },
  finish: () => finish(),
})

/** The same log, which tells when a partition first knows where to start. */
function tellingBegin(log: EventLog): EventLog {
  let begun = false
  return {
    ...log,
    consume: (options, handler) =>
      log.consume(options, {
        ...handler,
        async assigned(partition, committed) {
          const start = await handler.assigned(partition, committed)
          if (!begun) tell('began', instant())
          begun = true
          return start
        },
      }),
  }
}
