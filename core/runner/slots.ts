/** What a runner remembers of each partition. */
import type { Claim } from './chunk-processor.ts'
import { createMutex, type Mutex } from './mutex.ts'
import type { State } from './transitions.ts'

export interface Slot {
  readonly partition: number
  mutex: Mutex
  state: State
  claim: Claim | null
  /** Next offset to look at. */
  cursor: number
  /** Where the log was last sent to: a gap that it reports from there on holds nothing. */
  soughtOffset: number | null
  /** The same because of a gap beyond where we stand: once for each place. */
  gapSoughtFrom: number | null
  chunkSize: number
  /** The first record that could not be read yet, when last tried: a chunk that begins before it ends before it. */
  waitsAt: number | null
  /** Attempts since the last success. */
  failures: number
  /** How often in a row the state was changed by others before we could commit. */
  overtaken: number
  /** The last failure, until something succeeds. */
  failure: string | null
  /** Counts assignments and revocations: work of an earlier one gives up. */
  assignment: number
  /** Batches and gaps that are worked on or wait for their turn. */
  handed: number
}

export function createSlots(maxChunk: number): { slots: Map<number, Slot>; slotOf(partition: number): Slot } {
  const slots = new Map<number, Slot>()
  return {
    slots,
    slotOf(partition) {
      let slot = slots.get(partition)
      if (!slot) {
        slot = {
          partition,
          mutex: createMutex(),
          state: 'unassigned',
          claim: null,
          cursor: 0,
          soughtOffset: null,
          gapSoughtFrom: null,
          chunkSize: maxChunk,
          waitsAt: null,
          failures: 0,
          overtaken: 0,
          failure: null,
          assignment: 0,
          handed: 0,
        }
        slots.set(partition, slot)
      }
      return slot
    },
  }
}
