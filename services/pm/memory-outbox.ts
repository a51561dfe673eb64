/** The outbox in memory: the rules of `strandline_pm_outbox_*`. */
import { isDeepStrictEqual } from 'node:util'
import { checkpointsOf } from '../../core/store/memory/checkpoints.ts'
import { asJson, keyOf, type MemoryDatabase } from '../../core/store/memory/database.ts'
import {
  addRow,
  handedOut,
  isBehindLog,
  isRenamed,
  type MemoryOutboxRow,
  nameTrades,
  newestOf,
  outboxKey,
  outboxOf,
  putRenamed,
} from '../../core/store/memory/outbox.ts'
import type {
  EventKey,
  FurthestReader,
  ImportOutbox,
  KnownTopic,
  Mark,
  Outbox,
  Waiting,
} from '../../core/store/outbox-store.ts'
import type { PositionClosed } from '../../domain/event.ts'
import { OPTIONAL_NUMBERS } from '../../domain/trade-numbers.ts'

/** A row that is at fault itself rests no longer than this, ms. */
const LONGEST_REST_MS = 300_000
const MOST_DOUBLINGS = 12

const byId = (a: MemoryOutboxRow, b: MemoryOutboxRow) => a.id - b.id
const unpublished = (db: MemoryDatabase) =>
  outboxOf(db)
    .rows()
    .filter((row) => row.published_at === null)
    .sort(byId)
const payloadOf = (db: MemoryDatabase, { event_id, revision }: PositionClosed) =>
  outboxOf(db).get(outboxKey(event_id, revision))?.payload
const put = (db: MemoryDatabase, row: MemoryOutboxRow) => outboxOf(db).put(outboxKey(row.event_id, row.revision), row)

const outboxTopicOf = (db: MemoryDatabase) => db.table<{ topic: string }>('outbox_topic')

/** As createOutbox. */
export function createMemoryOutbox(db: MemoryDatabase, relay: string, leaseMs: number): Outbox {
  return {
    claim: async (limit, topic) =>
      db.transaction(() => {
        const goesTo = outboxTopicOf(db).get('one')?.topic
        if (topic !== undefined && goesTo !== undefined && goesTo !== topic) return []
        const free = unpublished(db).filter((row) => row.claimed_until === null || row.claimed_until < db.now())
        return free.slice(0, limit).map((row) => {
          put(db, { ...row, claimed_by: relay, claimed_until: db.now() + leaseMs })
          return handedOut(row)
        })
      }),
    published: async (topic, marks) => db.transaction(() => markPublished(db, topic, marks)),
    release: async (ids, reason, restMs, growing) =>
      db.transaction(() => {
        for (const row of unpublished(db)) {
          if (!ids.includes(row.id) || row.claimed_by !== relay) continue
          const rest = restMs * (growing ? 2 ** Math.min(row.attempts, MOST_DOUBLINGS) : 1)
          const failed = { attempts: row.attempts + 1, last_error: reason, refused: growing }
          const until = db.now() + Math.min(LONGEST_REST_MS, rest)
          put(db, { ...row, ...(reason === null ? {} : failed), claimed_by: null, claimed_until: until })
        }
      }),
    topics: async (topic, leave) =>
      db.transaction(() => {
        const known = new Map<string, KnownTopic>()
        for (const { topic: name, topic_id, checkpoint } of checkpointsOf(db).rows()) {
          const key = keyOf(name, topic_id ?? '')
          known.set(key, [name, topic_id, (known.get(key)?.[2] ?? false) || checkpoint !== null])
        }
        const read = [...known].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, one]) => one)
        const isRead = (name: string) => read.some(([other]) => other === name)
        const table = outboxTopicOf(db)
        const goesTo = table.get('one')?.topic ?? null
        if (topic !== null && isRead(topic) && (goesTo === null || goesTo === leave || !isRead(goesTo)))
          table.put('one', { topic })
        return { read, goes_to: table.get('one')?.topic ?? null }
      }),
    async furthest(topic) {
      const furthest = new Map<number, FurthestReader>()
      for (const { topic: name, partition, consumer, checkpoint, last_record } of checkpointsOf(db).rows()) {
        const before = furthest.get(partition)
        const isFurther =
          !before || before.checkpoint < checkpoint! || (before.checkpoint === checkpoint && consumer < before.consumer)
        if (name === topic && checkpoint !== null && isFurther)
          furthest.set(partition, { partition, consumer, checkpoint, last_record })
      }
      return asJson([...furthest.values()].sort((a, b) => a.partition - b.partition))
    },
    async state() {
      const rows = unpublished(db)
      const waiting = rows.filter((row) => !row.refused)
      const oldest = Math.min(...waiting.map((row) => Date.parse(row.created_at)))
      return {
        depth: rows.length,
        refused: rows.filter((row) => row.refused).length,
        oldest_seconds: waiting.length === 0 ? 0 : (db.now() - oldest) / 1000,
      }
    },
  }
}

/** An acknowledgement without a place is none: its row stays unpublished. */
function markPublished(db: MemoryDatabase, topic: string, marks: Mark[]): { marked: number; refused: number[] } {
  const goesTo = outboxTopicOf(db).get('one')?.topic ?? topic
  const rows = new Map(goesTo === topic ? unpublished(db).map((row) => [row.id, row]) : [])
  const refused: number[] = []
  let marked = 0
  for (const [id, partition, offset] of marks) {
    if (!isPlace(partition, 9) || !isPlace(offset, 18)) {
      refused.push(id)
      continue
    }
    const row = rows.get(id)
    if (!row) continue
    rows.delete(id)
    const place = { published_at: db.now(), topic, partition, offset }
    const done = { claimed_by: null, claimed_until: null, refused: false, last_error: null }
    put(db, { ...row, ...place, ...done, attempts: row.attempts + 1 })
    marked++
  }
  return { marked, refused: refused.sort((a, b) => a - b) }
}

const isPlace = (n: number | null | undefined, digits: number) =>
  Number.isInteger(n) && (n as number) >= 0 && String(n).length <= digits

/** What rows that are not published wait for. */
export function waitingOf(rows: MemoryOutboxRow[]): Waiting {
  const newest = rows
    .filter((row) => row.last_error !== null)
    .sort(byId)
    .at(-1)
  const refused = rows.filter((row) => row.refused).length
  return { waiting: rows.length, refused, error: newest?.last_error ?? null }
}

/** A trade with what is known of it now; null: nothing that it lacks. */
function completed(known: PositionClosed, event: PositionClosed): PositionClosed | null {
  if (known.rr === null && event.rr !== null) return event
  const samePrices = known.entry_price === event.entry_price && known.exit_price === event.exit_price
  if ((event.net_return ?? null) === null || (known.net_return ?? null) !== null || !samePrices) return null
  const { revised_by: _, ...rest } = known
  const money = OPTIONAL_NUMBERS.flatMap((name) => ((event[name] ?? null) === null ? [] : [[name, event[name]]]))
  return { ...rest, ...Object.fromEntries(money) }
}

export function createMemoryImportOutbox(db: MemoryDatabase): ImportOutbox {
  const rowsOf = (keys: readonly EventKey[]) =>
    keys
      .flatMap(([id, revision]) => outboxOf(db).get(outboxKey(id, revision)) ?? [])
      .filter((row) => row.published_at === null)
  return {
    now: async () => db.now(),
    add: async (events, asTheyAre = false) =>
      db.transaction(() => {
        const names = asTheyAre ? events.map((e) => e.event_id) : nameTrades(db, events)
        const isOther = (e: PositionClosed, i: number) =>
          names[i] !== e.event_id || (e.revision > 0 && !asTheyAre && isRenamed(db, e.event_id, e.revision))
        const renamed = events.flatMap((e, i): [number, string, number][] =>
          isOther(e, i) ? [[i, names[i] as string, e.revision]] : [],
        )
        const others = new Set(renamed.map(([i]) => i))
        let added = 0
        for (const [i, event] of events.entries())
          if (!others.has(i) || event.revision === 0)
            added += addRow(db, { ...event, event_id: names[i] as string }) === null ? 0 : 1
        for (const one of renamed.toSorted((a, b) => a[2] - b[2])) {
          if (one[2] === 0) continue
          const put = putRenamed(db, events[one[0]] as PositionClosed, one[1])
          one[2] = put.as
          added += Number(put.added)
        }
        const taken = asTheyAre ? events.filter((e) => !isDeepStrictEqual(payloadOf(db, e), asJson(e))).length : 0
        return {
          added,
          known: events.length - added,
          ...(renamed.length > 0 ? { renamed } : {}),
          ...(taken > 0 ? { taken } : {}),
        }
      }),
    rescore: async (events) =>
      db.transaction(() => {
        const newest = events.map((event) => newestOf(db, event.event_id))
        return events.flatMap((event, i): EventKey[] => {
          const known = newest[i]
          if (!known?.payload || known.payload.voided || isBehindLog(db, known)) return []
          const next = completed(known.payload, event)
          const added = next && addRow(db, { ...next, revision: known.revision + 1 })
          return added ? [[added.event_id, added.revision]] : []
        })
      }),
    waiting: async (keys) => waitingOf(rowsOf(keys)),
    refused: async (ids, limit) =>
      unpublished(db)
        .filter((row) => row.refused && ids.includes(row.event_id))
        .slice(0, limit)
        .map(({ payload }) => ({ position_id: payload!.position_id, trade_id: payload!.trade_id })),
  }
}
