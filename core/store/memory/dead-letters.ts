/** Dead letters in memory: the learner's commit and redriving write them, lag and audit read them. */
import type { ConsumerPartition } from '../checkpoint-store.ts'
import { keyOf, type MemoryDatabase } from './database.ts'

export interface DeadLetter extends ConsumerPartition {
  offset: number
  /** '': the broker has no ids. */
  topic_id: string
  record_ms: number
  reason: string
  detail: string
  dead_topic: string | null
  dead_partition: number | null
  dead_offset: number | null
  /** ISO 8601. */
  recorded_at: string
  /** Tells apart what was recorded at one time. */
  number: number
  redriven_at: string | null
  redriven_partition: number | null
  redriven_offset: number | null
  applied_at: string | null
}

export const deadLettersOf = (db: MemoryDatabase) => db.table<DeadLetter>('dead_letters')

const letterKey = (l: DeadLetter) => keyOf(l.consumer, l.topic, l.partition, l.offset, l.topic_id, l.record_ms)

export const putLetter = (db: MemoryDatabase, letter: DeadLetter) => deadLettersOf(db).put(letterKey(letter), letter)

export const removeLetter = (db: MemoryDatabase, letter: DeadLetter) => deadLettersOf(db).remove(letterKey(letter))

/** One that is there stays. */
export function addLetter(
  db: MemoryDatabase,
  letter: Omit<DeadLetter, 'number' | 'recorded_at' | `redriven_${string}` | 'applied_at'>,
): void {
  const recorded_at = new Date(db.now()).toISOString()
  const open = { redriven_at: null, redriven_partition: null, redriven_offset: null, applied_at: null }
  const row: DeadLetter = { ...(letter as DeadLetter), ...open, recorded_at, number: db.nextId('dead_letters') }
  if (!deadLettersOf(db).get(letterKey(row))) putLetter(db, row)
}

/** By partition, then offset. */
export const byPlace = (a: DeadLetter, b: DeadLetter) => a.partition - b.partition || a.offset - b.offset

/** The newest first. */
export const byRecording = (a: DeadLetter, b: DeadLetter) =>
  Date.parse(b.recorded_at) - Date.parse(a.recorded_at) || b.number - a.number
