import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { StrandlineError } from '../../core/errors.ts'
import { loadModel } from '../../core/load-model.ts'
import type { OutgoingRecord } from '../../core/log/log.ts'
import { closedTrade } from '../support/closed-trade.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { createFeed, recordsOf } from '../support/feed.ts'
import { createTestLearner, encodeEvent, TOPIC } from '../support/learner.ts'

let db: TestDatabase
const model = loadModel('lowcap-v4')
beforeAll(async () => {
  db = await createTestDatabase()
})
afterAll(() => db.drop())
beforeEach(() =>
  db.sql('truncate learner_ledger, learner_partials, consumer_checkpoints, dead_letters, learning_configs'),
)

const good = (id: string) => ({ key: id, value: encodeEvent(closedTrade({ position_id: id })) })
const bad = { key: 'k', value: Buffer.from('no event') }
const count = async (table: string) =>
  Number((await db.sql<{ count: string }>(`select count(*) from ${table}`))[0]?.count)

describe('records that cannot be applied', () => {
  it('pass in any number: more than are remembered, all in one chunk', async () => {
    const { runner, dead } = await createTestLearner({ store: db.store, model })
    const records = recordsOf([...Array.from({ length: 10_500 }, () => bad), good('a')])
    expect(await createFeed(TOPIC, 0, records).run(runner, { batch: 20_000 })).toBe(10_501)
    expect(dead).toHaveLength(10_500)
    expect(await count('dead_letters')).toBe(10_500)
    expect(await count('learner_ledger')).toBe(1)
  })

  it('are told in texts that the database takes, wherever a name is cut', async () => {
    const { runner } = await createTestLearner({ store: db.store, model })
    const levers = { [`${'x'.repeat(63)}😀`]: 'y\0' }
    const records = recordsOf([{ key: 'k', value: encodeEvent(closedTrade({ levers })) }, good('a')])
    expect(await createFeed(TOPIC, 0, records).run(runner)).toBe(2)
    expect(await db.sql('select "offset", reason from dead_letters')).toEqual([{ offset: '0', reason: 'text_invalid' }])
  })

  it('are not sent again when the log is read again', async () => {
    const records = recordsOf([bad, good('a'), bad])
    for (let i = 0; i < 3; i++) {
      const { runner, dead } = await createTestLearner({ store: db.store, model })
      await createFeed(TOPIC, 0, records).run(runner, { committed: 0, batch: 1 })
      expect(dead).toHaveLength(i === 0 ? 2 : 0)
    }
    expect(await count('dead_letters')).toBe(2)
  })

  it.each([
    ['by its id', { first: 'A', second: 'B', later: 0 }],
    ['by the time of the record, where the broker has no ids', { first: null, second: null, later: 1_000 }],
  ])(
    'regression: are sent when they lie where a bad record of an earlier topic lay, which is told %s',
    async (_, topics) => {
      const time = Date.parse('2026-11-01T00:00:00Z')
      const before = await createTestLearner({ store: db.store, model, topicId: topics.first })
      await createFeed(TOPIC, 0, recordsOf([bad, good('a')], time)).run(before.runner)
      expect(before.dead).toHaveLength(1)
      await db.sql('truncate learner_ledger, learner_partials, consumer_checkpoints') // the topic is made anew

      const after = await createTestLearner({ store: db.store, model, topicId: topics.second })
      await createFeed(TOPIC, 0, recordsOf([bad, good('a')], time + topics.later)).run(after.runner)
      expect(after.dead).toHaveLength(1)
      expect(await count('dead_letters')).toBe(2)
    },
  )

  it('of which an older version noted the place alone are known where the checkpoint has been, and not to a new one', async () => {
    const first = await createTestLearner({ store: db.store, model, topicId: 'A' })
    await createFeed(TOPIC, 0, recordsOf([bad, good('a')])).run(first.runner)
    await db.sql(`update dead_letters set topic_id = '', record_ms = 0`)
    const replay = await createTestLearner({ store: db.store, model, topicId: 'A' })
    await createFeed(TOPIC, 0, recordsOf([bad, good('a')])).run(replay.runner, { committed: 0 })
    expect(replay.dead).toHaveLength(0)
    await db.sql('truncate learner_ledger, learner_partials, consumer_checkpoints')
    const anew = await createTestLearner({ store: db.store, model, topicId: 'B' })
    await createFeed(TOPIC, 0, recordsOf([bad, good('a')])).run(anew.runner)
    expect(anew.dead).toHaveLength(1)
  })

  it('are sent once when the database refuses the first attempts', async () => {
    let refusals = 3
    const { runner, dead } = await createTestLearner({
      store: db.store,
      model,
      wrapStore: (s) => ({
        ...s,
        async commit(c) {
          if (refusals-- > 0) throw new StrandlineError('STORE_UNREACHABLE', 'away')
          return s.commit(c)
        },
      }),
    })
    await createFeed(TOPIC, 0, recordsOf([bad, good('a')])).run(runner)
    expect(dead).toHaveLength(1)
  })
})

describe('a dead-letter topic', () => {
  /** Takes records of up to `limit` bytes of key, value and headers. */
  function topicOf(limit: number) {
    const taken: OutgoingRecord[] = []
    const size = (v: unknown) => (v === null || v === undefined ? 0 : Buffer.byteLength(v as string))
    return {
      taken,
      produce: async (_topic: string, records: OutgoingRecord[]) => {
        for (const r of records)
          if (
            size(r.key) + size(r.value) + Object.values(r.headers ?? {}).reduce<number>((n, v) => n + size(v), 0) >
            limit
          )
            throw new StrandlineError('LOG_RECORD_TOO_LARGE', 'too large')
        taken.push(...records)
        return records.map((_, i) => ({ partition: 0, offset: taken.length - records.length + i }))
      },
    }
  }

  it('that takes smaller records than the log gets them without what does not fit, and the partition goes on', async () => {
    const log = topicOf(1_500)
    const { runner } = await createTestLearner({ store: db.store, model, deadLetterLog: log })
    const records = recordsOf([
      bad,
      { key: 'k', value: Buffer.alloc(2_000, 1) },
      { key: 'k'.repeat(2_000), value: Buffer.alloc(2_000, 1) },
      good('a'),
    ])
    expect(await createFeed(TOPIC, 0, records).run(runner)).toBe(4)
    expect(log.taken.map((r) => [r.key?.toString(), r.value?.length ?? null, r.headers?.['strandline.kept']])).toEqual([
      ['k', 8, undefined],
      ['k', null, 'without its value (2000 bytes)'],
      [undefined, null, 'without its value, key and headers (2000 bytes)'],
    ])
    expect(await db.sql('select "offset", dead_offset from dead_letters order by 1')).toEqual([
      { offset: '0', dead_offset: '0' },
      { offset: '1', dead_offset: '1' },
      { offset: '2', dead_offset: '2' },
    ])
  })

  it('that is away stops the partition until it is back, and skips nothing', async () => {
    let away = 4
    const taken: OutgoingRecord[] = []
    const { runner } = await createTestLearner({
      store: db.store,
      model,
      deadLetterLog: {
        async produce(_topic, records) {
          if (away-- > 0) throw new StrandlineError('LOG_UNREACHABLE', 'away')
          taken.push(...records)
          return records.map((_, offset) => ({ partition: 0, offset }))
        },
      },
    })
    expect(await createFeed(TOPIC, 0, recordsOf([good('a'), bad, good('b')])).run(runner)).toBe(3)
    expect(taken).toHaveLength(1)
    expect(await count('learner_ledger')).toBe(2)
  })

  it('gets key, value and headers as they were, a header that occurs twice too, and why', async () => {
    const { runner, dead } = await createTestLearner({ store: db.store, model })
    const [record] = recordsOf([bad])
    const headers = { traceparent: Buffer.from('00-a-b-01'), tag: [Buffer.from('1'), Buffer.from('2')] }
    await createFeed(TOPIC, 3, [{ ...record!, offset: 41, headers }]).run(runner)
    expect(dead).toHaveLength(1)
    expect(dead[0]).toMatchObject({ key: Buffer.from('k'), value: bad.value })
    expect(dead[0]?.headers).toMatchObject({
      ...headers,
      '__connect.errors.topic': TOPIC,
      '__connect.errors.partition': '3',
      '__connect.errors.offset': '41',
      '__connect.errors.exception.class.name': 'bad_magic',
      '__connect.errors.exception.message': 'starts with byte 110, not with 0',
      'strandline.reason': 'bad_magic',
    })
  })
})
