/** What one run of one contender took, and what several rounds come to. Pure. */
import { StrandlineError } from '../core/errors.ts'
import type { Contender } from './context.ts'
import type { Outcome } from './peers/kafka-streams.ts'
import type { RunProfile } from './stages.ts'
import { median } from './statistics.ts'

export interface Measurement {
  seconds: number
  /** Processor seconds of each process meanwhile; null where the system does not tell. */
  cpu: Cpu
  /** Bytes that PostgreSQL wrote to its write-ahead log. */
  walBytes?: number
  /** Peak resident memory of the process that is measured, bytes. */
  peakMemory?: number
  profile?: RunProfile
  outcome?: Outcome
}

/** By process: learner, postgres, lite, kafka, … */
export type Cpu = Record<string, number | null>

export interface Rate {
  /** Median of the rounds. */
  events_per_s: number
  rounds: number[]
  /** Processor seconds of each process, of the round in the middle. */
  cpu_s: Cpu
  /** The same by event, microseconds. */
  cpu_us_per_event: Cpu
  /** Of the learners: bytes of PostgreSQL's write-ahead log, of the round in the middle. */
  wal_bytes_per_event?: number
}

export function rateOf(rounds: Measurement[], events: number): Rate {
  const rates = rounds.map((m) => events / m.seconds)
  const { cpu, walBytes } = middleOf(rounds)
  return {
    events_per_s: median(rates),
    rounds: rates,
    cpu_s: cpu,
    cpu_us_per_event: share(cpu, events, 1e6),
    wal_bytes_per_event: walBytes === undefined ? undefined : walBytes / events,
  }
}

/** Of an even number of rounds the quicker one of the two in the middle. */
const middleOf = (rounds: Measurement[]): Measurement =>
  [...rounds].sort((a, b) => a.seconds - b.seconds)[(rounds.length - 1) >> 1] as Measurement

/** Each process' part of one of `count`, in a unit of which a second has `unit`. */
export const share = (cpu: Cpu, count: number, unit: number): Cpu =>
  Object.fromEntries(Object.entries(cpu).map(([name, s]) => [name, s === null ? null : (s / count) * unit]))

/** Of all processes; null where one is not known. */
export function total(cpu: Cpu): number | null {
  let sum = 0
  for (const part of Object.values(cpu)) {
    if (part === null) return null
    sum += part
  }
  return sum
}

/** A comparison of programs that come to different results is worth nothing. Errors: ENGINE_FAILED. */
export function checkSameOutcome(outcomes: Partial<Record<Contender, Outcome>>): void {
  const [[first, one] = [], ...others] = Object.entries(outcomes)
  if (!one) return
  for (const [name, other] of others) {
    const apart = Math.abs(other.rr_short - one.rr_short) / Math.abs(one.rr_short)
    if (other.n === one.n && other.updates === one.updates && apart <= 1e-9) continue
    throw new StrandlineError(
      'ENGINE_FAILED',
      `${first} and ${name} do not come to the same result: ${JSON.stringify(one)} and ${JSON.stringify(other)}.`,
      { todo: 'One of the two is wrong; a comparison of their speed means nothing.' },
    )
  }
}
