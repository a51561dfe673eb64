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

/** On average over many schedules; a suite in which less happened tested nothing. */
const LEAST = { commits: 20, duplicates: 3, corrections: 2 }
const MANY = 100
const KINDS = 20

/** What happened too little of, for a sentence; none where they are too few for an average. */
export function tooLittleOf(totals: Omit<Totals, 'failures' | 'trace_hash'>): string[] {
  const { schedules, faults } = totals
  if (schedules < MANY) return []
  const missing = Object.entries(LEAST).flatMap(([what, least]) => {
    const n = totals[what as keyof typeof LEAST]
    return n / schedules > least ? [] : [`${n} ${what}`]
  })
  const kinds = Object.keys(faults).length
  return kinds < KINDS ? [...missing, `faults of ${kinds} kinds`] : missing
}
