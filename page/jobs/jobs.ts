/** Work that takes long and would keep the page from answering: each in a thread of its own. */
import { Worker } from 'node:worker_threads'
import type { Config } from '../../core/config.ts'
import { type ErrorCode, StrandlineError } from '../../core/errors.ts'
import type { Verdict } from '../../domain/verdict/verdict.ts'
import type { AuditReport } from '../../services/audit/audit.ts'
import type { VersionName } from '../../services/learner/promote.ts'
import type { Rebuilt } from '../../services/learner/rebuild.ts'

export type Job =
  | { kind: 'audit' }
  | { kind: 'verdict'; models?: string[]; since?: number }
  /** model: as ./strandline rebuild takes it; without: what readers see. */
  | { kind: 'rebuild'; model?: string }

/** What a thread says at its end. */
export type JobResult =
  | { value: unknown }
  | { error: { code: ErrorCode | null; message: string; todo: string | undefined } }

/** What a rebuild says while it goes on. */
export interface RebuildProgress {
  version?: VersionName
  applied?: number
  total?: number
  /** What it waits for, as a sentence. */
  waiting?: string
}

/** What is said to a thread that is to give its work up in good order. */
export const GIVE_UP = 'give up'

export interface Jobs {
  /** Errors of each: those of the work. */
  audit(): Promise<AuditReport>
  verdict(options: { models?: string[]; since?: number }): Promise<Verdict>
  /** @param signal gives it up, in good order: it goes on when it is asked for again */
  rebuild(
    options: { model?: string },
    heard: (progress: RebuildProgress) => void,
    signal: AbortSignal,
  ): Promise<Rebuilt>
  stop(): Promise<void>
}

export function createJobs(config: Config): Jobs {
  const running = new Set<Worker>()

  function run(job: Job, heard?: (progress: RebuildProgress) => void, signal?: AbortSignal): Promise<unknown> {
    const worker = new Worker(new URL('./worker.ts', import.meta.url), { workerData: { config, job } })
    running.add(worker)
    const giveUp = () => worker.postMessage(GIVE_UP)
    signal?.addEventListener('abort', giveUp)
    return new Promise((resolve, reject) => {
      worker.on('message', (result: JobResult | { progress: RebuildProgress }) => {
        if ('progress' in result) return heard?.(result.progress)
        if ('value' in result) return resolve(result.value)
        const { code, message, todo } = result.error
        reject(code === null ? new Error(message) : new StrandlineError(code, message, { todo }))
      })
      worker.once('error', reject)
      worker.once('exit', () => {
        running.delete(worker)
        signal?.removeEventListener('abort', giveUp)
        reject(new Error('The work was ended before it was done.'))
      })
    })
  }

  return {
    audit: () => run({ kind: 'audit' }) as Promise<AuditReport>,
    verdict: (options) => run({ kind: 'verdict', ...options }) as Promise<Verdict>,
    rebuild: (options, heard, signal) => run({ kind: 'rebuild', ...options }, heard, signal) as Promise<Rebuilt>,
    async stop() {
      await Promise.all([...running].map((worker) => worker.terminate()))
    },
  }
}
