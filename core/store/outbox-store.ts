/** The outbox: ports, and their adapters over the database's functions (supabase/migrations/…_outbox.sql), each one transaction. In memory: memory-outbox.ts. */

import type { PositionClosed } from '../../domain/event.ts'
import type { LastRecord } from '../runner/last-record.ts'
import type { Store } from './store.ts'

export interface OutboxRow {
  id: number
  payload: PositionClosed
  traceparent: string | null
  /** When the transaction that made it true wrote the row: ISO 8601, the database's clock. */
  recorded_at?: string
}

export interface OutboxState {
  /** Unpublished rows. */
  depth: number
  /** Those of them that are at fault themselves: too large, not of the schema. */
  refused: number
  /** Age of the oldest of the others, in seconds; 0: there is none. */
  oldest_seconds: number
}

/** One revision of an event. */
export type EventKey = [event_id: string, revision: number]

/** The newest revision of an event; of one whose content is past its retention what identifies it. */
export type KnownEvent = PositionClosed | { event_id: string; revision: number; source?: string }

/** Where a row's event went: id of the row, partition, offset. */
export type Mark = [id: number, partition: number, offset: number]

/** `id`: Kafka's of that topic; null where the broker has none, or nothing of it was applied yet. `begun`: something of it was. */
export type KnownTopic = [topic: string, id: string | null, begun: boolean]

export interface OutboxTopics {
  /** By consumers of the database; of one name more than one where some have not gone on since it was made anew. */
  read: KnownTopic[]
  /** The topic that the outbox goes into; null: none yet. */
  goes_to: string | null
}

/** The consumer that has read furthest in a partition. */
export interface FurthestReader {
  partition: number
  consumer: string
  checkpoint: number
  last_record: LastRecord | null
}

export interface Outbox {
  /** @param topic into which they will be published: none, where the outbox goes elsewhere by now */
  claim(limit: number, topic?: string): Promise<OutboxRow[]>
  /** `refused`: ids of rows whose mark has no place in the log; they stay unpublished. */
  published(topic: string, marks: Mark[]): Promise<{ marked: number; refused: number[] }>
  /** `reason` null: not tried. `growing`: the row itself is at fault, it rests longer every time. */
  release(ids: number[], reason: string | null, restMs: number, growing: boolean): Promise<void>
  state(): Promise<OutboxState>
  /**
   * Whose it is, for a relay of this topic. It goes where the first relay goes whose topic consumers read.
   * @param topic null: somebody only looks
   * @param leave where it goes into this one, it goes into `topic` from now on, if they read that
   */
  topics(topic: string | null, leave: string | null): Promise<OutboxTopics>
  /** How far consumers of the database have read the partitions of a topic; none that nobody has read of. */
  furthest(topic: string): Promise<FurthestReader[]>
}

/** @param relay who claims; @param leaseMs nobody else takes a claimed row before this has passed */
export function createOutbox(store: Store, relay: string, leaseMs: number): Outbox {
  return {
    claim: (limit, topic) =>
      store.rpc('strandline_pm_outbox_claim', {
        p_relay: relay,
        p_limit: limit,
        p_lease_ms: leaseMs,
        p_topic: topic ?? null,
      }),
    published: (topic, marks) =>
      store.rpc('strandline_pm_outbox_published', { p_topic: topic, p_marks: JSON.stringify(marks) }),
    release: async (ids, reason, restMs, growing) => {
      const args = {
        p_relay: relay,
        p_ids: JSON.stringify(ids),
        p_error: reason,
        p_rest_ms: restMs,
        p_growing: growing,
      }
      await store.rpc('strandline_pm_outbox_release', args)
    },
    state: () => store.rpc('strandline_pm_outbox_state', {}),
    topics: (topic, leave) => store.rpc('strandline_pm_outbox_topics', { p_topic: topic, p_leave: leave }),
    furthest: (topic) => store.rpc('strandline_pm_outbox_furthest', { p_topic: topic }),
  }
}

export interface Added {
  added: number
  /** Whose revision it had. */
  known: number
  /** Those that the log has under another name, or number: of which event they are, and which of its revisions. */
  renamed?: [n: number, event_id: string, revision: number][]
  /** Of events that were added as they are: how many of those that are known have another content than the outbox has under their revision. */
  taken?: number
}

/**
 * Adds events whose revision the outbox does not have yet.
 * @param asTheyAre they are revisions of what the log has under these very ids: no other name is looked for
 */
export function addToOutbox(store: Store, events: PositionClosed[], asTheyAre = false): Promise<Added> {
  return store.rpc('strandline_pm_outbox_add', { p_events: JSON.stringify(events), p_as_they_are: asTheyAre })
}

export interface Waiting {
  /** Events that are not published yet. */
  waiting: number
  /** Those of them that are at fault themselves. */
  refused: number
  /** Why the newest of those that were given back with a reason is not published; null: none was. */
  error: string | null
}

/** What importers do with the outbox. Errors of each: STORE_UNREACHABLE, STORE_REJECTED, STORE_SCHEMA. */
export interface ImportOutbox {
  /** The database's clock, ms: it decides what lies in the future. */
  now(): Promise<number>
  /** As addToOutbox. */
  add(events: PositionClosed[], asTheyAre?: boolean): Promise<Added>
  /**
   * Adds what the newest revision of known trades lacks, as their next revision: the score, or what they came to in money (unless a price was changed since).
   * Returns what it added.
   */
  rescore(events: PositionClosed[]): Promise<EventKey[]>
  /** What became of events that were added. */
  waiting(events: EventKey[]): Promise<Waiting>
  /** Trades of these events that cannot be published because of what they are: the first so many. */
  refused(eventIds: string[], limit: number): Promise<{ position_id: string; trade_id: string }[]>
}

export function createImportOutbox(store: Store): ImportOutbox {
  return {
    now: () => store.rpc('strandline_pm_now', {}),
    add: (events, asTheyAre) => addToOutbox(store, events, asTheyAre),
    rescore: (events) => store.rpc('strandline_pm_outbox_rescore', { p_events: JSON.stringify(events) }),
    waiting: (events) => store.rpc('strandline_pm_outbox_waiting', { p_events: JSON.stringify(events) }),
    refused: (ids, limit) => store.rpc('strandline_pm_outbox_refused', { p_ids: JSON.stringify(ids), p_limit: limit }),
  }
}
