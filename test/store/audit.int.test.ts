/** What the audit reads of one and the same history, page by page: the same by every adapter. */
import { expect, test } from 'vitest'
import type { StoredLag } from '../../core/lag/lag.ts'
import { loadModel } from '../../core/load-model.ts'
import type { Claim } from '../../core/runner/chunk-processor.ts'
import { PROJECTOR_CONSUMER } from '../../core/runner/consumer-names.ts'
import { createCheckpointStore } from '../../core/store/checkpoint-store.ts'
import { createMemoryCheckpoints } from '../../core/store/memory/checkpoints.ts'
import { createMemoryModelVersions } from '../../core/store/memory/model-versions.ts'
import { createModelVersionStore } from '../../core/store/model-versions.ts'
import { createImportOutbox, createOutbox } from '../../core/store/outbox-store.ts'
import { closingOf } from '../../domain/closing/closing.ts'
import { parseExecution } from '../../domain/closing/execution.ts'
import { eventId } from '../../domain/event.ts'
import { decayOf, periodOf, weigh } from '../../domain/learning/sums.ts'
import { SumsTable } from '../../domain/learning/sums-table.ts'
import { selectionOf, tradeOf } from '../../domain/learning/trade-table.ts'
import { strandOf } from '../../domain/strand.ts'
import { type AuditStore, createAuditStore } from '../../services/audit/audit-store.ts'
import { createMemoryAudit } from '../../services/audit/memory-audit.ts'
import { createDeadLetterStore } from '../../services/learner/dead-letter-store.ts'
import { createLearnerStore, openVersion } from '../../services/learner/learner-store.ts'
import { createMemoryDeadLetters } from '../../services/learner/memory-dead-letters.ts'
import { createMemoryLearner } from '../../services/learner/memory-learner.ts'
import { createMemoryImportOutbox, createMemoryOutbox } from '../../services/pm/memory-outbox.ts'
import { createMemoryPositions } from '../../services/pm/memory-positions.ts'
import { createPositionStore } from '../../services/pm/position-store.ts'
import { createMemoryStrands } from '../../services/projector/memory-strands.ts'
import { createStrandStore } from '../../services/projector/strand-store.ts'
import { closedTrade } from '../support/closed-trade.ts'
import { adapters, useWays, WAYS, type Way } from './ways.ts'

const TOPIC = 't'
const ID = '00000000-0000-0000-0000-000000000001'
const model = loadModel('lowcap-v4')
const ways = useWays(...WAYS)
const auditOf = adapters(createMemoryAudit, createAuditStore)

async function claimed(way: Way, consumer: string): Promise<Claim> {
  const port = adapters(createMemoryCheckpoints, createCheckpointStore)(way)
  return { topic: TOPIC, partition: 0, ...(await port.claim({ consumer, topic: TOPIC, partition: 0 }, 'test')) }
}

/** Some of everything. */
async function history(way: Way): Promise<void> {
  const positions = adapters(createMemoryPositions, createPositionStore)(way)
  for (const id of ['a', 'b', 'c']) {
    await positions.open({
      id,
      token_chain: 'base',
      token_contract: '0x1',
      token_ticker: 'X',
      timeframe: '1h',
      side: 'long',
      entry_context: {},
      regime_context: {},
    })
    for (const [kind, minute] of [
      ['buy', 0],
      ['trim', 9],
    ] as const) {
      const executed_at = `2026-03-02T10:0${minute}:00Z`
      const execution = parseExecution(id, { id: `${id} ${kind}`, kind, quantity: 1, price: 2, executed_at }, [])
      await positions.record({ ...execution, trade_id: eventId(id, kind), max_skew_ms: 0 })
    }
    const flat = id === 'c' ? null : await positions.flatTrade(id)
    if (!flat) continue
    const { position_id, trade_id, fingerprint } = flat
    const scored = { ...closingOf({ ...flat, bars: [] }), position_id, trade_id, fingerprint, traceparent: null }
    await positions.close(scored, { relay: null, leaseMs: 0 })
  }
  const events = [1, 2, 3].map((n) => closedTrade({ position_id: `p${n}`, rr: n }))
  await adapters(createMemoryImportOutbox, createImportOutbox)(way).add(events)
  const relay = adapters(
    (db) => createMemoryOutbox(db, 'r', 60_000),
    (store) => createOutbox(store, 'r', 60_000),
  )(way)
  const rows = await relay.claim(9)
  await relay.published(
    TOPIC,
    rows.slice(1, 3).map(({ id }, i) => [id, 0, i]),
  )
  await relay.release([rows[4]!.id], 'too large', 0, true)

  const version = await openVersion(adapters(createMemoryModelVersions, createModelVersionStore)(way), model, TOPIC)
  const learner = adapters(
    (db) => createMemoryLearner(db, model, version, TOPIC),
    (store) => createLearnerStore(store, model, version, TOPIC),
  )(way)
  const trades = events.map((e, offset) => tradeOf(model, e, 0, offset))
  const tau = decayOf(model.definition.tau_days)
  const dirty = trades[0]!.groups.map((group) => {
    const table = new SumsTable(1)
    const row = table.addRow()
    for (const t of trades) table.addTrade(row, weigh(t.closed_at, t.rr!, tau))
    return { partition: 0, period: periodOf(trades[0]!.closed_at, tau), group, table, row, known: false }
  })
  const dead = [7, 8, 9, 10].map((offset) => ({
    offset,
    record_ms: 1,
    redrives: 0,
    redrive_of: null,
    reason: offset === 9 ? 'event_invalid' : 'undecodable',
    detail: '',
    dead_topic: null,
    dead_partition: null,
    dead_offset: null,
  }))
  const claim = await claimed(way, version.consumer)
  const more = { changed: [], foreign: [], seen: '{"topic_id": "T"}', commitId: ID, next: 10 }
  expect(await learner.commit({ ...more, claim, fresh: selectionOf(trades), dirty, dead })).toEqual({ status: 'ok' })
  const letters = adapters(createMemoryDeadLetters, createDeadLetterStore)(way)
  const record = (offset: number) => ({ offset, topic_id: 'T', record_ms: 1 })
  await letters.redriven(TOPIC, 0, [{ ...record(8), to: { partition: 0, offset: 20 } }])
  await letters.discard(TOPIC, 0, [record(10)], 'ann', 'why')

  const strands = adapters(
    (db) => createMemoryStrands(db, PROJECTOR_CONSUMER),
    (store) => createStrandStore(store, PROJECTOR_CONSUMER),
  )(way)
  const made = events.map((e, offset) => strandOf(e, { topic: TOPIC, partition: 0, offset }))
  await strands.commit({
    claim: await claimed(way, PROJECTOR_CONSUMER),
    commitId: ID,
    next: 3,
    rows: made,
    seen: null,
  })
}

/** Everything that the audit can ask for, in pages of so many. */
async function readings(port: AuditStore, limit: number) {
  const all = async <T extends { next: string | null }>(read: (after: string) => Promise<T>): Promise<T[]> => {
    const pages: T[] = []
    for (let after: string | null = ''; after !== null; after = pages.at(-1)!.next) pages.push(await read(after))
    return pages
  }
  const lag = await port.lag(TOPIC)
  const consumer = lag.active as string
  return {
    positions: await all((after) => port.ids('positions', after, limit)),
    ledger: await all((after) => port.ids('ledger', after, limit)),
    strands: await all((after) => port.ids('strands', after, limit)),
    outbox: await all((after) => port.outbox(after, limit)),
    letters: [await port.letters(consumer, TOPIC, [-1, -1], limit), await port.letters(consumer, TOPIC, [0, 7], limit)],
    coefficients: (await all((after) => port.coefficients(consumer, TOPIC, after, limit))).map((page) => ({
      ...page,
      rows: page.rows.toSorted((a, b) => (a.name + a.key < b.name + b.key ? -1 : 1)),
    })),
    counts: [lag, await port.lag('another'), await port.outboxDepth(), await port.strandCount()],
  }
}

const comparable = (answer: unknown): unknown =>
  JSON.parse(JSON.stringify(answer), (name, value) => {
    if (name === 'committed_at' && value !== null) return 'then'
    if (name === 'ids' || name === 'revisions') return (value as unknown[]).toSorted() // of a page, in no order
    return typeof value === 'number' ? Number(value.toPrecision(11)) : value
  })

test('the same pages, whatever their size', async () => {
  for (const name of WAYS) await history(ways[name])
  for (const limit of [1, 2, 50]) {
    const [memory, direct, postgrest] = await Promise.all(WAYS.map((name) => readings(auditOf(ways[name]), limit)))
    expect(memory!.positions.flatMap((page) => page.ids)).toHaveLength(2)
    expect(memory!.letters[1]!.map(([, offset, , state]) => [offset, state])).toEqual(
      [
        [8, 'redriven'],
        [9, 'open'],
        [10, 'discarded'],
      ].slice(0, limit),
    )
    expect((memory!.counts[0] as StoredLag).dead_letters).toMatchObject([{ count: 1 }, { count: 1 }])
    expect(comparable(memory)).toEqual(comparable(direct))
    expect(comparable(postgrest)).toEqual(comparable(direct))
  }
})

test('of nothing at all there are empty pages', async () => {
  for (const name of WAYS) {
    const port = auditOf(ways[name])
    expect(await port.letters('nobody', TOPIC, [-1, -1], 5)).toEqual([])
    expect(await port.coefficients('nobody', TOPIC, '\u{10FFFF}', 5)).toMatchObject({
      checkpoints: [],
      rows: [],
      next: null,
    })
  }
})
