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
  redriving_from: number | null
  redrives: number
  redrive_of: number | null
  discarded_at: string | null
  discarded_by: string | null
  discard_reason: string | null
}

/** What an operator does about a record. */
type Done = Pick<
  DeadLetter,
  `redriven_${'at' | 'partition' | 'offset'}` | 'discarded_at' | 'discarded_by' | 'discard_reason'
>
/** What only comes to a letter that is there. */
type Later = Done & Pick<DeadLetter, 'applied_at' | 'redriving_from'>

export const deadLettersOf = (db: MemoryDatabase) => db.table<DeadLetter>('dead_letters')

const letterKey = (l: DeadLetter) => keyOf(l.consumer, l.topic, l.partition, l.offset, l.topic_id, l.record_ms)

export const putLetter = (db: MemoryDatabase, letter: DeadLetter) => deadLettersOf(db).put(letterKey(letter), letter)

export const removeLetter = (db: MemoryDatabase, letter: DeadLetter) => deadLettersOf(db).remove(letterKey(letter))

/** Nobody has done anything about it yet. */
export const isOpen = (l: DeadLetter) => l.redriven_at === null && l.applied_at === null && l.discarded_at === null

const NOTHING_DONE: Done = {
  redriven_at: null,
  redriven_partition: null,
  redriven_offset: null,
  discarded_at: null,
  discarded_by: null,
  discard_reason: null,
}

/** One that is there stays. What was done about the record when another version refused it holds for this one; the place of its copy, for both. */
export function addLetter(db: MemoryDatabase, letter: Omit<DeadLetter, 'number' | 'recorded_at' | keyof Later>): void {
  const number = db.nextId('dead_letters')
  const recorded_at = new Date(db.now()).toISOString()
  const row: DeadLetter = { ...letter, ...NOTHING_DONE, applied_at: null, redriving_from: null, recorded_at, number }
  const others = deadLettersOf(db)
    .rows()
    .filter((l) => isSameRecord(l, row))
    .sort(byRecording)
  if (row.dead_offset !== null)
    for (const other of others.filter((l) => l.dead_offset === null)) putLetter(db, { ...other, ...copyOf(row) })
  if (deadLettersOf(db).get(letterKey(row))) return
  const done = others.find((l) => l.redriven_at !== null || l.discarded_at !== null) ?? NOTHING_DONE
  const copied = row.dead_offset === null ? others.find((l) => l.dead_offset !== null) : undefined
  const { redriven_at, redriven_partition, redriven_offset, discarded_at, discarded_by, discard_reason } = done
  putLetter(db, {
    ...row,
    ...copyOf(copied ?? row),
    redriven_at,
    redriven_partition,
    redriven_offset,
    discarded_at,
    discarded_by,
    discard_reason,
  })
}

/** A replay read the records from `from` to below `next` again, and refused only these. topicId null: unknown. */
export function applyLetters(
  db: MemoryDatabase,
  { consumer, topic, partition }: ConsumerPartition,
  { from, next, refused }: { from: number; next: number; refused: readonly number[] },
  topicId: string | null,
): void {
  for (const l of deadLettersOf(db).rows()) {
    if (l.consumer !== consumer || l.topic !== topic || l.partition !== partition) continue
    if (l.offset < from || l.offset >= next || refused.includes(l.offset) || l.applied_at !== null) continue
    if (topicId === null || l.topic_id === '' || l.topic_id === topicId)
      putLetter(db, { ...l, applied_at: new Date(db.now()).toISOString() })
  }
}

const copyOf = ({ dead_topic, dead_partition, dead_offset }: DeadLetter) => ({
  dead_topic,
  dead_partition,
  dead_offset,
})

const isSameRecord = (a: DeadLetter, b: DeadLetter) =>
  a.topic === b.topic && byPlace(a, b) === 0 && a.topic_id === b.topic_id && a.record_ms === b.record_ms

/** By partition, then offset. */
export const byPlace = (a: DeadLetter, b: DeadLetter) => a.partition - b.partition || a.offset - b.offset

/** The newest first. */
export const byRecording = (a: DeadLetter, b: DeadLetter) =>
  Date.parse(b.recorded_at) - Date.parse(a.recorded_at) || b.number - a.number
