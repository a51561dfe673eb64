/** What is old is made small, and recognised all the same: the same by every adapter. (On PostgreSQL with its PM: test/pm/retention.int.test.ts) */
import { beforeEach, describe, expect, test } from 'vitest'
import { createMemoryDatabase, type MemoryDatabase } from '../../core/store/memory/database.ts'
import { deadLettersOf, putLetter } from '../../core/store/memory/dead-letters.ts'
import { outboxOf } from '../../core/store/memory/outbox.ts'
import { type QueuedStrand, strandTables } from '../../core/store/memory/strands.ts'
import { createImportOutbox, createOutbox } from '../../core/store/outbox-store.ts'
import { parseExecution } from '../../domain/closing/execution.ts'
import type { PositionClosed } from '../../domain/event.ts'
import { createMemoryImportOutbox, createMemoryOutbox } from '../../services/pm/memory-outbox.ts'
import { createMemoryPositions, noteProvisional } from '../../services/pm/memory-positions.ts'
import { createMemoryPostedTrades } from '../../services/pm/memory-posted-trades.ts'
import { createMemoryRetention } from '../../services/pm/memory-retention.ts'
import { createPositionStore } from '../../services/pm/position-store.ts'
import { createPostedTradeStore } from '../../services/pm/posted-trade-store.ts'
import { retain } from '../../services/pm/retention.ts'
import { createRetentionStore } from '../../services/pm/retention-store.ts'
import { closedTrade } from '../support/closed-trade.ts'
import { adapters, useWays, WAYS, type Way } from './ways.ts'

const DAY_MS = 86_400_000
const ways = useWays(...WAYS)
const retentionOf = adapters(createMemoryRetention, createRetentionStore)
const importsOf = adapters(createMemoryImportOutbox, createImportOutbox)
const postsOf = adapters(createMemoryPostedTrades, createPostedTradeStore)
const positionsOf = adapters(createMemoryPositions, createPositionStore)
const relayOf = adapters(
  (db) => createMemoryOutbox(db, 'r', 60_000),
  (store) => createOutbox(store, 'r', 60_000),
)

describe.each(WAYS)('%s', (name) => {
  const clock = { ms: 0 }
  let memory: MemoryDatabase
  const way = (): Way => (name === 'memory' ? { name, memory } : ways[name])
  beforeEach(async () => {
    memory = createMemoryDatabase({ now: () => Date.now() + clock.ms })
    await ways[name].db?.sql(
      'truncate lowcap_positions, pm_outbox, pm_provisional, pm_executions, learning_queue, strands, dead_letters restart identity',
    )
  })

  /** A month and a day. */
  async function pass(): Promise<void> {
    const { db } = way()
    clock.ms += 31 * DAY_MS
    for (const [table, column] of [
      ['pm_outbox', 'published_at'],
      ['pm_executions', 'recorded_at'],
    ])
      await db?.sql(`update ${table} set ${column} = ${column} - interval '31 days'`)
  }
  const ago = (days: number) => new Date((way().memory?.now() ?? Date.now()) - days * DAY_MS).toISOString()

  async function publish(...events: PositionClosed[]): Promise<void> {
    await importsOf(way()).add(events)
    const rows = await relayOf(way()).claim(9)
    await relayOf(way()).published(
      't',
      rows.map(({ id }) => [id, 0, id]),
    )
  }
  const wholeRows = async () =>
    name === 'memory'
      ? outboxOf(memory)
          .rows()
          .filter((r) => r.payload !== null)
          .map((r) => [r.event_id, r.revision])
      : (await way().db!.sql('select event_id, revision from pm_outbox where payload is not null order by id')).map(
          (r) => [r.event_id, r.revision],
        )

  test('an event published long ago is known by its id and revision; one without a score keeps its content', async () => {
    const scored = closedTrade({ trade_id: 'scored', rr: 1 })
    const open = closedTrade({ trade_id: 'open', rr: null })
    const young = closedTrade({ trade_id: 'young', rr: 1 })
    await publish(scored, open)
    await pass()
    await publish(young)
    expect(await retain(retentionOf(way()), 'pm_outbox', 30)).toBe(1)
    expect(await wholeRows()).toEqual([open, young].map((e) => [e.event_id, 0]))
    expect(await importsOf(way()).add([scored])).toEqual({ added: 0, known: 1 })
    expect(await importsOf(way()).rescore([scored])).toEqual([])
    expect(await positionsOf(way()).event(scored.event_id)).toEqual({
      event_id: scored.event_id,
      revision: 0,
      source: scored.source,
    })
  })

  test('an event whose score is provisional keeps its content', async () => {
    const open = closedTrade({ trade_id: 'open', rr: 1 })
    await publish(open)
    if (way().memory) memory.transaction(() => noteProvisional(memory, open, 'long', 0, 0))
    else await way().db!.sql(`select pm_note_provisional($1, 'long', 0, now())`, [JSON.stringify(open)])
    await pass()
    expect(await retain(retentionOf(way()), 'pm_outbox', 30)).toBe(0)
    await positionsOf(way()).confirmScores([[open.event_id, 0]])
    expect(await retain(retentionOf(way()), 'pm_outbox', 30)).toBe(1)
  })

  test('regression: a retraction keeps its content: whoever posts the trade again is told of it', async () => {
    const trade = closedTrade({ trade_id: 'retracted', rr: 1 })
    const retraction = { ...trade, revision: 1, voided: true }
    await publish(trade, retraction)
    await pass()
    expect(await retain(retentionOf(way()), 'pm_outbox', 30)).toBe(1)
    const again = {
      event: trade,
      revision: 2,
      request: {},
      side: 'long',
      awaits: null,
      max_skew_ms: 0,
      traceparent: null,
    } as const
    expect(await postsOf(way()).post(again, { relay: 'r', leaseMs: 1 })).toEqual({
      status: 'voided',
      event: retraction,
    })
  })

  test('regression: whose content is gone has its source: a correction that is posted keeps it', async () => {
    const trade = closedTrade({ trade_id: 'bridged', rr: 1, source: 'learning-queue' })
    await publish(trade)
    await pass()
    expect(await retain(retentionOf(way()), 'pm_outbox', 30)).toBe(1)
    const { event_id, source } = trade
    expect(await postsOf(way()).event(event_id)).toEqual({ event_id, revision: 0, source })
    const event = { ...trade, source: 'api', rr: 2 }
    const how = { revision: 1, request: {}, side: 'long', awaits: null, max_skew_ms: 0, traceparent: null } as const
    expect(await postsOf(way()).post({ event, ...how }, { relay: 'r', leaseMs: 1 })).toMatchObject({
      status: 'posted',
      event: { revision: 1, rr: 2, source },
    })
  })

  test('an event whose next revision is known is made small, scored or not; in pieces as in one', async () => {
    const open = closedTrade({ trade_id: 'open', rr: null })
    await publish(open, { ...open, revision: 1, rr: 1 }, closedTrade({ trade_id: 'other', rr: 1 }))
    await pass()
    const retention = retentionOf(way())
    const first = await retention.shrink('pm_outbox', 30, '', 2)
    expect(first).toMatchObject({ done: 2, next: expect.any(String) })
    expect(await retention.shrink('pm_outbox', 30, first.next!, 2)).toEqual({ done: 1, next: null })
    expect(await wholeRows()).toEqual([])
  })

  test('a report of long ago is a duplicate, and refused with other content', async () => {
    const port = positionsOf(way())
    const position = { token_chain: 'base', token_contract: '0x1', token_ticker: 'X', timeframe: '15m', side: 'long' }
    await port.open({ id: 'a', ...position, entry_context: {}, regime_context: {} } as never)
    const report = (price: number) =>
      port.record({
        ...parseExecution('a', { id: 'b1', kind: 'buy', quantity: 1, price }, []),
        max_skew_ms: 1_000,
      } as never)
    expect(await report(100)).toMatchObject({ status: 'recorded' })
    await pass()
    expect(await retain(retentionOf(way()), 'pm_executions', 30)).toBe(1)
    expect(await retain(retentionOf(way()), 'pm_executions', 30)).toBe(0)
    expect(await report(100)).toMatchObject({ status: 'duplicate' })
    expect(await report(101)).toEqual({ status: 'conflict' })
  })

  test('of the queue, what is ours, done and old goes', async () => {
    const tied = { revision: 0, voided: false, topic: 't' }
    const strands = [
      { event_id: 'e1', strand_id: 'ours', adopted: false, ...tied },
      { event_id: 'e2', strand_id: 'theirs', adopted: true, ...tied },
    ]
    const queued: Omit<QueuedStrand, 'id'>[] = [
      { strand_id: 'ours', strand_type: 'x', status: 'completed', error: null, processed_at: ago(31) },
      { strand_id: 'theirs', strand_type: 'x', status: 'completed', error: null, processed_at: ago(31) },
      { strand_id: 'ours', strand_type: 'x', status: 'completed', error: null, processed_at: ago(1) },
      { strand_id: 'ours', strand_type: 'x', status: 'pending', error: null, processed_at: null },
    ]
    if (name === 'memory')
      memory.transaction(() => {
        const tables = strandTables(memory)
        for (const s of strands) tables.strands.put(s.event_id, { projected: null, ...s })
        queued.forEach((q, i) => {
          tables.queue.put(String(i + 1), { id: i + 1, ...q })
        })
      })
    else {
      for (const [table, rows] of [
        ['strands', strands],
        ['learning_queue', queued],
      ] as const) {
        const columns = Object.keys(rows[0]!).join(', ')
        await way().db!.sql(
          `insert into ${table} (${columns}) select ${columns} from jsonb_populate_recordset(null::${table}, $1)`,
          [JSON.stringify(rows)],
        )
      }
    }
    expect(await retain(retentionOf(way()), 'learning_queue', 30)).toBe(1)
    const left =
      name === 'memory'
        ? strandTables(memory)
            .queue.rows()
            .map((q) => q.id)
        : (await way().db!.sql('select id::int from learning_queue order by id')).map((r) => r.id)
    expect(left).toEqual([2, 3, 4])
  })

  test('a dead letter goes once a replay has applied its record', async () => {
    const letters = [
      { offset: 1, applied_at: ago(31), redriven_at: null },
      { offset: 2, applied_at: null, redriven_at: ago(31) },
      { offset: 3, applied_at: ago(1), redriven_at: null },
      { offset: 4, applied_at: null, redriven_at: null, discarded_at: ago(31) },
    ]
    const of = { consumer: 'c', topic: 't', partition: 0, reason: 'r' }
    if (name === 'memory')
      memory.transaction(() => {
        for (const l of letters) putLetter(memory, { ...of, ...l, topic_id: '', record_ms: 0 } as never)
      })
    else
      await way().db!.sql(
        `insert into dead_letters (consumer, topic, partition, reason, "offset", applied_at, redriven_at, discarded_at)
         select 'c', 't', 0, 'r', "offset", applied_at, redriven_at, discarded_at from jsonb_populate_recordset(null::dead_letters, $1)`,
        [JSON.stringify(letters)],
      )
    expect(await retain(retentionOf(way()), 'dead_letters', 30)).toBe(1)
    const left =
      name === 'memory'
        ? deadLettersOf(memory)
            .rows()
            .map((l) => l.offset)
        : (await way().db!.sql('select "offset"::int as o from dead_letters order by 1')).map((r) => r.o)
    expect(left).toEqual([2, 3, 4])
  })
})
