/** Many schedules, one after the other, and what they came to together. */
import { createHash } from 'node:crypto'
import { simulate, type Verdict } from './simulate.ts'

export interface Totals {
  schedules: number
  commits: number
  duplicates: number
  corrections: number
  faults: Record<string, number>
  /** Seeds whose schedule failed. */
  failures: number[]
  /** Of the traces of all, in their order. */
  trace_hash: string
}

/** @param each hears of every schedule, and is waited for */
export async function runMany(from: number, count: number, each?: (verdict: Verdict) => unknown): Promise<Totals> {
  const hash = createHash('sha256')
  const totals = { schedules: 0, commits: 0, duplicates: 0, corrections: 0, faults: {} as Record<string, number> }
  const failures: number[] = []
  for (let seed = from; seed < from + count; seed++) {
    const verdict = await simulate(seed)
    hash.update(verdict.trace_hash)
    totals.schedules++
    for (const name of ['commits', 'duplicates', 'corrections'] as const) totals[name] += verdict[name]
    for (const [kind, n] of Object.entries(verdict.faults)) totals.faults[kind] = (totals.faults[kind] ?? 0) + n
    if (verdict.failures.length > 0) failures.push(seed)
    await each?.(verdict)
  }
  return { ...totals, failures, trace_hash: hash.digest('hex').slice(0, 32) }
}
