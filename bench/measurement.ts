/** What one run of one contender took. */
import type { Outcome } from './peers/kafka-streams.ts'
import type { ProfileSummary } from './profile.ts'
import type { Surroundings } from './profiled.ts'

export interface Measurement {
  seconds: number
  /** Processor seconds of each process meanwhile; null where the system does not tell. */
  cpu: Record<string, number | null>
  /** Peak resident memory of the process that is measured, bytes. */
  peakMemory?: number
  /** What the learner's memory is made of: V8's heap, and buffers outside of it; bytes. */
  peaks?: { heap: number; buffers: number }
  profile?: RunProfile
  outcome?: Outcome
}

/** The learner's main thread, and what works for it. */
export type RunProfile = { learner: ProfileSummary } & Surroundings
