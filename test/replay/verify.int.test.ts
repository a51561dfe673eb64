/** A fold of the log that goes on beside a learner. */
import { afterAll, beforeAll, expect, test } from 'vitest'
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

/** The log, to somebody who cannot read the record at an offset. */
const garbled = (log: EventLog, offset: number): EventLog => ({
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
                ? { offset, timestamp: r.timestamp, key: r.key, value: Buffer.from('bad'), headers: r.headers }
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
  const bad = await stage.start({ log: garbled(kafka.log, 1) })
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
