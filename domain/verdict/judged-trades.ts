/** One trade of a log as a verdict reads it. Pure. */
import type { PositionClosed } from '../event.ts'

/** What is kept of an event: a million whole ones would not fit. */
const FIELDS = [
  'opened_at',
  'closed_at',
  'rr',
  'return',
  'net_return',
  'risk_at_entry',
  'timeframe',
  'levers',
  'measures',
  'source',
] as const satisfies readonly (keyof PositionClosed)[]

/** As its newest revision has it. Times are ms since 1970-01-01 UTC. */
export interface JudgedTrade extends Pick<PositionClosed, (typeof FIELDS)[number]> {
  /** From then on this revision was known. */
  known_at: number
  /** The log took it in long after its exit: it counts as known at its exit. */
  late: boolean
}

/** A record of the log. */
export interface JudgedRecord {
  event: PositionClosed
  /** When the log took it in, ms; absent: nobody wrote that down. */
  taken_at?: number
}

/** A trade that the log took in so long after its exit was put in afterwards (an import, a backfill, a simulation). */
export const LATE_MS = 86_400_000

/**
 * The trades of a log that count, each as its newest revision has it. A revision was known when the log took it in; of a trade that was put in afterwards
 * the first one counts as known at its exit, and later ones as long after that as they came after the first.
 * They come in the order of their entries: what follows from them is the same in whichever order partitions were read.
 */
export function judgedTrades(records: Iterable<JudgedRecord>): JudgedTrade[] {
  const newest = new Map<string, { record: JudgedRecord; first: number | undefined }>()
  for (const record of records) {
    const { event_id, revision } = record.event
    const known = newest.get(event_id)
    if (!known) {
      newest.set(event_id, { record, first: record.taken_at })
      continue
    }
    // revisions may lie in several partitions, and come in any order
    if (record.taken_at !== undefined && known.first !== undefined) known.first = Math.min(known.first, record.taken_at)
    if (revision > known.record.event.revision) known.record = record
  }
  return [...newest.values()].sort(byEntry).flatMap(({ record: { event, taken_at }, first }) => {
    if (event.voided) return []
    const { closed_at } = event
    const late = first === undefined || first - closed_at > LATE_MS
    const known_at = late ? closed_at + ((taken_at ?? 0) - (first ?? 0)) : Math.max(closed_at, taken_at as number)
    const kept = Object.fromEntries(FIELDS.map((name) => [name, event[name]])) as Pick<
      PositionClosed,
      (typeof FIELDS)[number]
    >
    return [{ ...kept, known_at, late }]
  })
}

function byEntry(
  { record: { event: a } }: { record: JudgedRecord },
  { record: { event: b } }: { record: JudgedRecord },
) {
  return a.opened_at - b.opened_at || a.closed_at - b.closed_at || (a.event_id < b.event_id ? -1 : 1)
}
