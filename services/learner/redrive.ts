/**
 * Dead letters for an operator: what they are, and redriving them: the original record, from the topic itself, published to the topic again.
 * Redriving is at least once (a crash between publishing and noting it publishes again) and harmless: the ledger applies an event once.
 */
import type { EventLog, LogRecord, OutgoingRecord } from '../../core/log/log.ts'
import { readAt } from '../../core/log/read-at.ts'
import type { DeadLetterRecord, DeadLetterStore, Place } from './dead-letter-store.ts'

export type { Place } from './dead-letter-store.ts'

/** open: not in the coefficients. redriven: published again, what became of that stands at its new place. applied: a later replay could read it. */
export type DeadLetterState = 'open' | 'redriven' | 'applied'

export interface RecordedDeadLetter extends Place {
  reason: string
  detail: string
  consumer: string
  recorded_at: string
  state: DeadLetterState
  /** Its place in the dead-letter topic. */
  dead_letter: ({ topic: string } & Place) | null
  redriven_to: Place | null
}

const PAGE = 1_000

/** By partition and offset. `all`: also those that were dealt with. Errors: STORE_UNREACHABLE, STORE_REJECTED. */
export async function listDeadLetters(
  store: DeadLetterStore,
  topic: string,
  { all = false, limit = Number.POSITIVE_INFINITY }: { all?: boolean; limit?: number } = {},
): Promise<RecordedDeadLetter[]> {
  const letters: RecordedDeadLetter[] = []
  for (;;) {
    const last = letters.at(-1)
    const size = Math.min(PAGE, limit - letters.length)
    const after = { partition: last?.partition ?? -1, offset: last?.offset ?? -1 }
    const rows = await store.page(topic, all, after, size)
    letters.push(...rows.map(letterOf))
    if (rows.length < size || letters.length >= limit) return letters
  }
}

function letterOf(row: DeadLetterRecord): RecordedDeadLetter {
  const { partition, offset, reason, detail, consumer, recorded_at } = row
  return {
    partition,
    offset,
    reason,
    detail,
    consumer,
    recorded_at,
    state: row.redriven_at ? 'redriven' : row.applied_at ? 'applied' : 'open',
    dead_letter:
      row.dead_topic === null || row.dead_partition === null || row.dead_offset === null
        ? null
        : { topic: row.dead_topic, partition: row.dead_partition, offset: row.dead_offset },
    redriven_to:
      row.redriven_partition === null || row.redriven_offset === null
        ? null
        : { partition: row.redriven_partition, offset: row.redriven_offset },
  }
}

export interface Redriven extends Place {
  to: Place
}

/**
 * Publishes the records at these places again, bytes, key and headers as they are, each into its own partition. Resolves to where each went; a place
 * that the log no longer has is missing there. Errors: LOG_UNREACHABLE, LOG_TOPIC_MISSING, STORE_UNREACHABLE; what was published by then is noted.
 */
export async function redrive(
  { store, log }: { store: DeadLetterStore; log: EventLog },
  topic: string,
  places: readonly Place[],
): Promise<Redriven[]> {
  const done: Redriven[] = []
  const wanted = Map.groupBy(places, (p) => p.partition)
  const offsets = new Map([...wanted].map(([partition, of]) => [partition, of.map((p) => p.offset)]))
  await readAt(log, topic, offsets, async (partition, records) => {
    const placed = await log.produce(
      topic,
      records.map((r) => again(r, partition)),
    )
    const moved = records.map(({ offset }, i) => {
      const to = placed[i] as Place
      return { partition, offset, to: { partition: to.partition, offset: to.offset } }
    })
    await store.redriven(topic, partition, moved)
    done.push(...moved)
  })
  return done.sort((a, b) => a.partition - b.partition || a.offset - b.offset)
}

function again({ key, value, headers }: LogRecord, partition: number): OutgoingRecord {
  const kept: NonNullable<OutgoingRecord['headers']> = {}
  for (const [name, header] of Object.entries(headers)) if (header !== undefined) kept[name] = header
  return { key, value, headers: kept, partition }
}
