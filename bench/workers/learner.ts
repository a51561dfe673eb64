/** The learner itself, on the service's own path. What is added: when it began to fetch, what it has committed, and a profile on demand. */
import type { EventLog, PartitionHandler } from '../../core/log/log.ts'
import type { Service, ServiceDeps } from '../../core/service.ts'
import { startLearner } from '../../services/learner/index.ts'
import type { ProfileSummary } from '../profile.ts'
import { serviceDeps } from './deps.ts'
import { type Profiling, startProfiling } from './profiler.ts'
import { instant, serve, tell } from './serve.ts'

export interface LearnTask {
  topic: string
  profile?: boolean
  /** Tell the key of each record when its coefficients are committed: [key, instant][]. */
  watch?: boolean
}

export interface LearnResult {
  /** When the first partition had its start position, and fetching began. */
  startedAt: number
  /** Processor seconds of this process since then. */
  cpuSeconds: number
  /** Peak resident memory of the process, bytes. */
  peakMemory: number
  /** Highest of what was seen every 100 ms, bytes: what the memory is made of. */
  peaks: { heap: number; buffers: number }
  profile?: ProfileSummary
}

interface Running {
  service: Service
  deps: ServiceDeps
  startedAt: number
  cpu: NodeJS.CpuUsage
  profiling?: Profiling
  peaks: { heap: number; buffers: number }
  sampling: NodeJS.Timeout
}

const SAMPLE_MS = 100

let running: Running | undefined

serve({
  async learn({ topic, profile = false, watch = false }: LearnTask): Promise<void> {
    const deps = serviceDeps({ topic })
    const state = { startedAt: 0, cpu: process.cpuUsage() }
    const log = observed(
      deps.log,
      () => {
        if (state.startedAt === 0) Object.assign(state, { startedAt: instant(), cpu: process.cpuUsage() })
      },
      watch,
    )
    const profiling = profile ? await startProfiling() : undefined
    const service = await startLearner({ ...deps, log })
    const peaks = { heap: 0, buffers: 0 }
    const sampling = setInterval(() => {
      const { heapTotal, arrayBuffers } = process.memoryUsage()
      peaks.heap = Math.max(peaks.heap, heapTotal)
      peaks.buffers = Math.max(peaks.buffers, arrayBuffers)
    }, SAMPLE_MS)
    running = Object.assign(state, { service, deps, profiling, peaks, sampling })
  },
  async finish(): Promise<LearnResult> {
    const { service, deps, startedAt, cpu, profiling, peaks, sampling } = running as Running
    clearInterval(sampling)
    const used = process.cpuUsage(cpu)
    const summary = await profiling?.stop()
    await service.stop()
    await deps.log.close()
    running = undefined
    return {
      startedAt,
      cpuSeconds: (used.user + used.system) / 1e6,
      peakMemory: process.resourceUsage().maxRSS * 1024,
      peaks,
      profile: summary,
    }
  },
})

/** The same log; `began` is called when a partition knows where to start. */
function observed(log: EventLog, began: () => void, watch: boolean): EventLog {
  return {
    ...log,
    consume(options, handler) {
      const wrapped: PartitionHandler = {
        ...handler,
        async assigned(partition, committed) {
          const start = await handler.assigned(partition, committed)
          began()
          return start
        },
      }
      if (watch)
        wrapped.batch = (batch, control) => {
          let told = 0
          return handler.batch(batch, {
            ...control,
            // called right after the database has committed what lies below `offset`
            commitOffset(offset) {
              const at = instant()
              const done: [string, number][] = []
              for (; told < batch.records.length && batch.records[told]!.offset < offset; told++)
                done.push([String(batch.records[told]!.key), at])
              tell('committed', done)
              return control.commitOffset(offset)
            },
          })
        }
      return log.consume(options, wrapped)
    },
  }
}
