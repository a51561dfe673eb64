/** The run: bad records and files in this process, bad requests and strangers at a stack of its own. */
import { tryAccess } from './access/run.ts'
import type { Failure } from './found.ts'
import { fuzzRequests } from './http/run.ts'
import { fuzzImports } from './imports/run.ts'
import { fuzzRecords } from './records/run.ts'
import type { FuzzReport } from './report.ts'
import { openStage } from './stage.ts'

export interface FuzzOptions {
  seed: number
  records: number
  requests: number
  imports: number
  access: boolean
  progress(text: string, done?: number, total?: number): void
  signal: AbortSignal
}

/** Errors: as openStage. */
export async function fuzz(options: FuzzOptions): Promise<FuzzReport> {
  const { seed, records, requests, imports, access, progress, signal } = options
  const started = performance.now()
  const failures: Failure[] = []
  const noted = <T extends { failures: Failure[] }>(found: T): Omit<T, 'failures'> => {
    failures.push(...found.failures)
    const { failures: _, ...rest } = found
    return rest
  }
  const part = (name: string, total: number) => (done: number) => {
    signal.throwIfAborted()
    progress(name, done, total)
  }
  const report: Partial<FuzzReport> = {}
  if (records > 0)
    report.records = noted(await fuzzRecords({ seed, count: records, progress: part('Records', records) }))
  if (imports > 0)
    report.imports = noted(await fuzzImports({ seed, count: imports, progress: part('Imports', imports) }))
  if (requests > 0 || access) {
    const stage = await openStage((sentence) => progress(sentence), signal)
    try {
      if (requests > 0)
        report.requests = noted(
          await fuzzRequests(stage, { seed, count: requests, progress: part('Requests', requests) }),
        )
      if (access)
        report.access = noted(
          await tryAccess(
            { ...stage, supabaseUrl: stage.urls.supabase },
            { progress: (done, of) => part('Access', of)(done) },
          ),
        )
      for (const problem of stage.incidents()) failures.push({ part: 'stack', number: 0, problem })
    } finally {
      await stage.stop()
    }
  }
  const seconds = Math.round((performance.now() - started) / 100) / 10
  return { seed, ...report, seconds, verdict: failures.length > 0 ? 'fail' : 'pass', failures }
}
