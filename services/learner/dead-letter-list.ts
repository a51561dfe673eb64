/** Dead letters as an operator sees them. */
import type { DeadLetterRecord, DeadLetterStore, LetterFilter, Place } from './dead-letter-store.ts'

/**
 * open: not in the coefficients. redriven: published again, what became of that stands at its new place. applied: a later replay could read it.
 * discarded: settled without being applied.
 */
export type DeadLetterState = 'open' | 'redriven' | 'applied' | 'discarded'

export interface DeadLetter extends Place {
  reason: string
  detail: string
  consumer: string
  recorded_at: string
  state: DeadLetterState
  /** Its place in the dead-letter topic. */
  dead_letter: ({ topic: string } & Place) | null
  redriven_to: Place | null
  redriven_at: string | null
  applied_at: string | null
  discarded: { at: string; by: string; reason: string } | null
  /** How often the record had been published again when it was refused, and what it is a copy of then. */
  redrives: number
  redrive_of: Place | null
  /** A redrive was begun and not noted as done: its copy, if there is one, lies at this offset of the partition or behind. */
  redriving_from: number | null
  /** Kafka's id of the record's topic; '': not known. With its own time it tells records of several topics of one name apart. */
  topic_id: string
  /** The record's own time, ms; 0: not known. */
  record_ms: number
}

const PAGE = 1_000
const FIRST: Place = { partition: -1, offset: -1 }

export interface ListOptions {
  /** Also those that were dealt with. */
  all?: boolean
  filter?: LetterFilter
  limit?: number
  /** Only those behind this place. */
  after?: Place
}

/** By partition and offset. Errors: STORE_UNREACHABLE, STORE_REJECTED. */
export async function listDeadLetters(
  store: Pick<DeadLetterStore, 'page'>,
  topic: string,
  { all = false, filter, limit = Number.POSITIVE_INFINITY, after: begin = FIRST }: ListOptions = {},
): Promise<DeadLetter[]> {
  const letters: DeadLetter[] = []
  for (;;) {
    const size = Math.min(PAGE, limit - letters.length)
    const { partition, offset } = letters.at(-1) ?? begin
    const rows = await store.page(topic, all, { partition, offset }, size, filter)
    letters.push(...rows.map(letterOf))
    if (rows.length < size || letters.length >= limit) return letters
  }
}

export interface LetterList {
  topic: string
  dead_letters: DeadLetter[]
  /** How many there are of each, also of those that are not listed. */
  by_reason: Record<string, number>
}

/** The same with how many there are. Errors: as listDeadLetters. */
export async function letterList(
  store: Pick<DeadLetterStore, 'page' | 'count'>,
  topic: string,
  options: ListOptions = {},
): Promise<LetterList> {
  const counts = await store.count(topic, options.all ?? false, options.filter)
  const dead_letters = await listDeadLetters(store, topic, options)
  return { topic, dead_letters, by_reason: Object.fromEntries(counts) }
}

/** The letters of these places that there are; one that is open before another version's that is not. Errors: as listDeadLetters. */
export async function deadLettersAt(
  store: Pick<DeadLetterStore, 'page'>,
  topic: string,
  places: readonly Place[],
): Promise<DeadLetter[]> {
  const found: DeadLetter[] = []
  for (const { partition, offset } of places)
    for (const all of [false, true]) {
      const [row] = await store.page(topic, all, { partition, offset: offset - 1 }, 1)
      if (row?.partition !== partition || row.offset !== offset) continue
      found.push(letterOf(row))
      break
    }
  return found
}

export function letterOf(row: DeadLetterRecord): DeadLetter {
  const { partition, offset, reason, detail, consumer, recorded_at, redriven_at, applied_at } = row
  const placeAt = (p: number | null, o: number | null) =>
    p === null || o === null ? null : { partition: p, offset: o }
  const dead = placeAt(row.dead_partition, row.dead_offset)
  return {
    partition,
    offset,
    reason,
    detail,
    consumer,
    recorded_at,
    state: stateOf(row),
    dead_letter: row.dead_topic === null || dead === null ? null : { topic: row.dead_topic, ...dead },
    redriven_to: placeAt(row.redriven_partition, row.redriven_offset),
    redriven_at,
    applied_at,
    discarded:
      row.discarded_at === null
        ? null
        : { at: row.discarded_at, by: row.discarded_by ?? '', reason: row.discard_reason ?? '' },
    redrives: row.redrives,
    redrive_of: placeAt(partition, row.redrive_of),
    redriving_from: row.redriving_from,
    topic_id: row.topic_id,
    record_ms: row.record_ms,
  }
}

/** What is in the coefficients is applied, whatever an operator thought of it before. */
function stateOf({ redriven_at, applied_at, discarded_at }: DeadLetterRecord): DeadLetterState {
  if (redriven_at !== null) return 'redriven'
  if (applied_at !== null) return 'applied'
  return discarded_at === null ? 'open' : 'discarded'
}
