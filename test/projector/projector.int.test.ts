import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { pino } from 'pino'
import { Registry } from 'prom-client'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { systemClock } from '../../core/clock.ts'
import { frame, positionClosedSchema } from '../../core/codec/position-closed-codec.ts'
import type { Config } from '../../core/config.ts'
import { StrandlineError } from '../../core/errors.ts'
import type { EventLog, LogRecord, PartitionHandler } from '../../core/log/log.ts'
import type { Store } from '../../core/store/store.ts'
import { startProjector } from '../../services/projector/index.ts'
import { closedTrade } from '../support/closed-trade.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { createFeed, recordsOf } from '../support/feed.ts'
import { encodeEvent, SCHEMA_ID } from '../support/learner.ts'

let db: TestDatabase
let registryUrl: string
/** A registry that knows our schema alone. */
const registry = createServer(({ url }, response) => {
  const known = url === `/schemas/ids/${SCHEMA_ID}`
  response.writeHead(known ? 200 : 404, { 'content-type': 'application/json' })
  response.end(
    JSON.stringify(known ? { schema: positionClosedSchema } : { error_code: 40403, message: 'Schema not found' }),
  )
})
beforeAll(async () => {
  db = await createTestDatabase()
  await new Promise<void>((resolve) => registry.listen(0, '127.0.0.1', resolve))
  registryUrl = `http://127.0.0.1:${(registry.address() as AddressInfo).port}`
})
afterAll(async () => {
  registry.close()
  await db?.drop()
})

/** The real service; only the log is the test's own, so that it can choose what is delivered when. */
async function projector(topic: string, store: Store = db.store) {
  let handler: PartitionHandler | undefined
  const metrics = new Registry()
  const log = {
    offsets: async () => [{ partition: 0, start: 0, end: Number.MAX_SAFE_INTEGER }],
    timestamps: async () => new Map(),
    recordsAt: async () => new Map(),
    topicId: async () => null,
    topicSettings: async () => new Map(),
    consume: async (_options: unknown, h: PartitionHandler) => {
      handler = h
      return {
        stop: async () => {},
        seek: () => {},
        partitions: () => [0],
        joined: () => true,
        failure: () => undefined,
      }
    },
  } as unknown as EventLog
  const config = { topic, registry: { url: registryUrl, unknownAfterMs: 0 } } as Config
  const service = await startProjector({
    config,
    log,
    store,
    codec: undefined as never, // it writes no events
    clock: systemClock,
    logger: pino({ level: 'silent' }),
    metrics,
  })
  return { service, handler: handler as PartitionHandler, metrics }
}

/** Trades t-0 … of a position, every third corrected later, every fifth of those voided. */
function trades(position_id: string, count: number): LogRecord[] {
  const first = Array.from({ length: count }, (_, i) => closedTrade({ position_id, trade_id: `t-${i}`, rr: i / count }))
  const corrected = first
    .filter((_, i) => i % 3 === 0)
    .map((e, i) => ({ ...e, revision: 1, rr: 5, voided: i % 5 === 0 }))
  return recordsOf([...first, ...corrected].map((e) => ({ key: position_id, value: encodeEvent(e) })))
}

/** Rows without what depends on when they were written. */
async function strandsOf(position_id: string) {
  const { data, error } = await db.store.client
    .from('ad_strands')
    .select('*')
    .eq('position_id', position_id)
    .order('trade_id')
  if (error) throw error
  return data.map(({ updated_at: _, id: __, position_id: ___, content, metadata, ...row }) => ({
    ...row,
    content: { ...content, position_id: '' },
    metadata: { ...metadata, event_id: '', topic: '' },
  }))
}

async function counter(metrics: Registry, name: string) {
  return (await metrics.getSingleMetric(name)?.get())?.values ?? []
}

describe('the projector', () => {
  test('makes the same strands whatever the batches are, and none more on a replay', async () => {
    const folded = []
    for (const batch of [1, 7, 500]) {
      const topic = `batches-${batch}`
      const { handler } = await projector(topic)
      const feed = createFeed(topic, 0, trades(topic, 60))
      expect(await feed.run(handler, { batch })).toBe(80)
      const rows = await strandsOf(topic)
      await feed.run(handler, { batch, committed: 'earliest' })
      expect(await strandsOf(topic)).toEqual(rows)
      folded.push(rows)
    }
    expect(folded[0]).toHaveLength(60)
    expect(folded[0]?.filter((r) => r.status === 'voided')).toHaveLength(4)
    expect(folded[1]).toEqual(folded[0])
    expect(folded[2]).toEqual(folded[0])
  })

  test('passes over every record that can never be a strand, counts it by reason, and goes on', async () => {
    const good = closedTrade({ position_id: 'bad-kinds' })
    const bytes = encodeEvent(good)
    const bad: Record<string, { key: string | null; value: Buffer | null }> = {
      empty_value: { key: 'k', value: null },
      bad_magic: { key: 'k', value: Buffer.alloc(900_000, 1) },
      truncated: { key: 'k', value: bytes.subarray(0, 40) },
      unknown_schema: { key: 'k', value: frame(SCHEMA_ID + 1, bytes.subarray(5)) },
      null_key: { key: null, value: bytes },
      rr_not_finite: { key: 'k', value: encodeEvent({ ...good, rr: Number.NaN }) },
      exit_in_future: { key: 'k', value: encodeEvent({ ...good, closed_at: Date.UTC(2099, 0, 1) }) },
      text_invalid: { key: 'k', value: encodeEvent({ ...good, levers: { curator: 'x\0' } }) },
    }
    const { handler, metrics } = await projector('bad-kinds')
    await createFeed('bad-kinds', 0, recordsOf([...Object.values(bad), { key: 'bad-kinds', value: bytes }])).run(
      handler,
    )
    expect(await strandsOf('bad-kinds')).toHaveLength(1)
    const skipped = await counter(metrics, 'strandline_projector_records_skipped_total')
    expect(Object.fromEntries(skipped.filter((v) => v.value > 0).map((v) => [v.labels.reason, v.value]))).toEqual(
      Object.fromEntries(Object.keys(bad).map((reason) => [reason, 1])),
    )
  })

  test('moves past every record, whatever its headers say of its id', async () => {
    for (const [i, ce_id] of [`${'x'.repeat(99)}😀/0`, 'a\0b'].entries()) {
      const topic = `odd-id-${i}`
      const { handler } = await projector(topic)
      const records = trades(topic, 1).map((record) => ({ ...record, headers: { ce_id: Buffer.from(ce_id) } }))
      expect(await createFeed(topic, 0, records).run(handler)).toBe(records.length)
      expect(await strandsOf(topic)).toHaveLength(1)
    }
  })

  test('goes on after a commit whose answer was lost, and after one that never happened', async () => {
    let calls = 0
    const unsteady: Store = {
      async rpc<T>(fn: string, args: Record<string, unknown>): Promise<T> {
        const lost = new StrandlineError('STORE_UNREACHABLE', 'No answer.')
        if (fn !== 'strandline_projector_commit') return db.store.rpc<T>(fn, args)
        calls++
        if (calls % 3 === 0) throw lost
        const answer = await db.store.rpc<T>(fn, args)
        if (calls % 3 === 1) throw lost
        return answer
      },
    }
    const { handler, metrics } = await projector('unsteady', unsteady)
    expect(await createFeed('unsteady', 0, trades('unsteady', 30)).run(handler, { batch: 5 })).toBe(40)
    const steady = await projector('steady')
    await createFeed('steady', 0, trades('steady', 30)).run(steady.handler, { batch: 5 })
    expect(await strandsOf('unsteady')).toEqual(await strandsOf('steady'))
    const outcomes = await counter(metrics, 'strandline_consumer_unknown_outcomes_total')
    expect(outcomes.filter((v) => v.value > 0).map((v) => v.labels.outcome)).toEqual(['committed', 'lost'])
  })

  test('that lost its partition to another one writes nothing any more', async () => {
    const slow = await projector('taken-over')
    const records = trades('taken-over', 3)
    await slow.handler.assigned(0, null)
    const fast = await projector('taken-over')
    await createFeed('taken-over', 0, records.slice(0, 2)).run(fast.handler)
    let sought: number | undefined
    await slow.handler
      .batch(
        {
          topic: 'taken-over',
          partition: 0,
          fetchedOffset: 0,
          nextOffset: records.length,
          highWatermark: records.length,
          records,
        },
        {
          heartbeat: async () => {
            throw new Error('not a member of the group any more')
          },
          isActive: () => sought === undefined,
          seek: (offset) => {
            sought = offset
          },
          commitOffset: async () => {},
        },
      )
      .catch((error: Error) => expect(error.message).toContain('not a member'))
    expect(await strandsOf('taken-over')).toHaveLength(2)
    expect(await counter(slow.metrics, 'strandline_consumer_fences_total')).toMatchObject([{ value: 1 }])
  })
})
