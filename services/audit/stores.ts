/** What the audit reads in the database, page by page, each table for itself. Ids are the events' UUIDs (domain/event.ts). */

import { PROJECTOR_CONSUMER } from '../../core/runner/consumer-names.ts'
import { eventUuid } from '../../domain/event.ts'
import type { AuditStore, LetterState } from './audit-store.ts'

/** Rows of one page: far from a hosted project's statement timeout. */
const PAGE = 5_000

/** A revision of an event in the outbox. */
export interface OutboxRow {
  id: string
  revision: number
  published: boolean
  topic: string | null
  /** `partition/offset` where it was published; null where nobody said. */
  place: string | null
  /** It is the event that cannot be published. */
  refused: boolean
}

/** A record that the learner refused. */
export interface Letter {
  reason: string
  state: LetterState
}

/** The next offset that each consumer applies, by partition; a partition that is missing was never read. */
export interface Checkpoints {
  /** The consumer whose coefficients readers see; null while no learner ever ran. */
  consumer: string | null
  learner: Map<number, number>
  projector: Map<number, number>
}

export const placeOf = (partition: number, offset: number): string => `${partition}/${offset}`

/** The revision that each strand shows; -1: it is tied to its event, which was not projected. */
export async function readStrands(store: AuditStore): Promise<Map<string, number>> {
  const strands = new Map<string, number>()
  for await (const { ids, revisions } of pages((after, limit) => store.ids('strands', after, limit)))
    for (const [i, id] of ids.entries()) strands.set(eventUuid(id), revisions?.[i] ?? -1)
  return strands
}

export async function readIds(store: AuditStore, what: 'positions' | 'ledger'): Promise<Set<string>> {
  const ids = new Set<string>()
  for await (const page of pages((after, limit) => store.ids(what, after, limit)))
    for (const id of page.ids) ids.add(eventUuid(id))
  return ids
}

export async function readOutbox(store: AuditStore): Promise<OutboxRow[]> {
  const rows: OutboxRow[] = []
  for await (const page of pages(store.outbox))
    for (const [event_id, revision, published, topic, partition, offset, refused] of page.rows)
      rows.push({
        id: eventUuid(event_id),
        revision,
        published,
        topic,
        place: partition === null || offset === null ? null : placeOf(partition, offset),
        refused,
      })
  return rows
}

export async function readCheckpoints(store: AuditStore, topic: string): Promise<Checkpoints> {
  const { checkpoints, active } = await store.lag(topic)
  const of = (consumer: string | null) =>
    new Map(
      checkpoints
        .filter((p) => p.consumer === consumer && p.checkpoint !== null)
        .map((p) => [p.partition, p.checkpoint as number]),
    )
  return { consumer: active, learner: of(active), projector: of(PROJECTOR_CONSUMER) }
}

/** What the active learner refused and has not applied since, by place. */
export async function readLetters(
  store: AuditStore,
  topic: string,
  consumer: string | null,
): Promise<Map<string, Letter>> {
  const letters = new Map<string, Letter>()
  if (consumer === null) return letters
  let after: [partition: number, offset: number] = [-1, -1]
  for (;;) {
    const page = await store.letters(consumer, topic, after, PAGE)
    for (const [partition, offset, reason, state] of page) {
      letters.set(placeOf(partition, offset), { reason, state })
      after = [partition, offset]
    }
    if (page.length < PAGE) return letters
  }
}

async function* pages<Page extends { next: string | null }>(
  read: (after: string, limit: number) => Promise<Page>,
): AsyncGenerator<Page> {
  for (let after: string | null = ''; after !== null; ) {
    const page: Page = await read(after, PAGE)
    yield page
    after = page.next
  }
}
