/** A fold of the log that goes on beside a learner. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { frame } from '../../core/codec/position-closed-codec.ts'
import type { EventLog } from '../../core/log/log.ts'
import { FIRST } from '../../replay/sums-store.ts'
import { openVerifier, verify } from '../../replay/verify.ts'
import { closedTrade } from '../support/closed-trade.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { createTestKafka, type TestKafka } from '../support/kafka.ts'
import { createStage } from '../support/kafka-learner.ts'
import { learnerGroup } from '../support/learner-group.ts'
import { PATIENT } from '../support/patience.ts'

let db: TestDatabase
let kafka: TestKafka
beforeAll(async () => {
  ;[db, kafka] = await Promise.all([createTestDatabase(), createTestKafka()])
})
afterAll(async () => {
  await kafka?.close()
  await db?.drop()
})

/** The log, with another value at an offset for as long as there is one. */
const changed = (log: EventLog, offset: number, value: () => Buffer | null): EventLog => ({
  ...log,
  consume: (options, handler) =>
    log.consume(options, {
      ...handler,
      batch: ({ records, ...batch }, control) =>
        handler.batch(
          {
            ...batch,
            records: records.map((r) =>
              r.offset === offset
                ? { offset, timestamp: r.timestamp, key: r.key, value: value() ?? r.value, headers: r.headers }
                : r,
            ),
          },
          control,
        ),
    }),
})

test('begins anew where a replay has applied what it passed over as a dead letter', async () => {
  const stage = await createStage(db, kafka)
  await stage.publish(['a', 'b', 'c'].map((position_id) => closedTrade({ position_id })))
  const bad = await stage.start({ log: changed(kafka.log, 1, () => Buffer.from('bad')) })
  await stage.caughtUp()
  await bad.stop()
  const deps = { store: db.store, log: kafka.log, config: stage.config }
  const verifier = await openVerifier(deps)
  const page = () => verifier.page(FIRST, 1_000)
  expect([await page(), verifier.events()]).toMatchObject([{ found: { differences: [] } }, 2])

  const admin = kafka.client.admin()
  await admin.connect()
  const partitions = [{ partition: 0, offset: '0' }]
  await admin.setOffsets({ groupId: learnerGroup('lowcap-v4'), topic: stage.topic, partitions })
  await admin.disconnect()
  const replaying = await stage.start()
  const applied = () => db.sql('select "offset"::int from dead_letters where applied_at is not null')
  await expect.poll(applied, PATIENT).toEqual([{ offset: 1 }])
  await replaying.stop()

  expect(await page()).toBeNull()
  expect(await verify(deps)).toMatchObject({ events: 3, differences: [] })
})

test('a schema that the registry denies for a moment makes no difference: the record was applied, and is waited for', async () => {
  const stage = await createStage(db, kafka)
  await stage.publish(['d', 'e', 'f'].map((position_id) => closedTrade({ position_id })))
  const learner = await stage.start()
  await stage.caughtUp()
  await learner.stop()
  let denied: Buffer | null = frame(500_000, Buffer.from('a body'))
  const log = changed(kafka.log, 1, () => denied)
  const verifier = await openVerifier({ store: db.store, log, config: stage.config })
  await expect(verifier.page(FIRST, 1_000)).rejects.toMatchObject({
    code: 'REGISTRY_SCHEMA_UNKNOWN',
    message: `Record 0:1 of ${stage.topic} was learned, and cannot be read now: the registry does not know schema 500000.`,
  })
  denied = null
  expect([await verifier.page(FIRST, 1_000), verifier.events()]).toMatchObject([{ found: { differences: [] } }, 3])
})

test('one that it never knew lies behind a dead letter, and is passed over', async () => {
  const stage = await createStage(db, kafka)
  await stage.publish(['g', 'h'].map((position_id) => closedTrade({ position_id })))
  await kafka.log.produce(stage.topic, [{ key: 'i', value: frame(500_000, Buffer.from('a body')) }])
  const learner = await stage.start()
  await stage.caughtUp()
  await learner.stop()
  const found = await verify({ store: db.store, log: kafka.log, config: stage.config })
  expect(found).toMatchObject({ events: 2, differences: [] })
})
