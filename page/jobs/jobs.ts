/** Work that takes long and would keep the page from answering: each in a thread of its own. */
import { Worker } from 'node:worker_threads'
import type { Config } from '../../core/config.ts'
import { type ErrorCode, StrandlineError } from '../../core/errors.ts'
import type { Verdict } from '../../domain/verdict/verdict.ts'
import type { AuditReport } from '../../services/audit/audit.ts'

export type Job = { kind: 'audit' } | { kind: 'verdict'; models?: string[]; since?: number }

/** What a thread says at its end. */
export type JobResult =
  | { value: unknown }
  | { error: { code: ErrorCode | null; message: string; todo: string | undefined } }

export interface Jobs {
  /** Errors of each: those of the work. */
  audit(): Promise<AuditReport>
  verdict(options: { models?: string[]; since?: number }): Promise<Verdict>
  stop(): Promise<void>
}

export function createJobs(config: Config): Jobs {
  const running = new Set<Worker>()

  function run(job: Job): Promise<unknown> {
    const worker = new Worker(new URL('./worker.ts', import.meta.url), { workerData: { config, job } })
    running.add(worker)
    return new Promise((resolve, reject) => {
      worker.once('message', (result: JobResult) => {
        if ('value' in result) return resolve(result.value)
        const { code, message, todo } = result.error
        reject(code === null ? new Error(message) : new StrandlineError(code, message, { todo }))
      })
      worker.once('error', reject)
      worker.once('exit', () => {
        running.delete(worker)
        reject(new Error('The work was ended before it was done.'))
      })
    })
  }

  return {
    audit: () => run({ kind: 'audit' }) as Promise<AuditReport>,
    verdict: (options) => run({ kind: 'verdict', ...options }) as Promise<Verdict>,
    async stop() {
      await Promise.all([...running].map((worker) => worker.terminate()))
    },
  }
}
