/** A consumer that may wait takes what comes meanwhile with one fetch. */
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { createTestKafka, type TestKafka } from '../support/kafka.ts'
import { PATIENT } from '../support/patience.ts'

const PACE_MS = 500

let kafka: TestKafka
beforeAll(async () => {
  kafka = await createTestKafka()
})
afterAll(() => kafka.close())

test('records that come one by one reach it in a few batches, none is left behind', async () => {
  const RECORDS = 60
  const topic = await kafka.createTopic({ partitions: 2 })
  const batches = [0, 0]
  const got: number[][] = [[], []]
  const subscription = await kafka.log.consume(
    { group: kafka.name('paced'), topic, concurrency: 2, paceMs: PACE_MS },
    {
      assigned: async () => 0,
      async batch({ partition, records }) {
        batches[partition]!++
        got[partition]!.push(...records.map((r) => Number(r.value)))
      },
      revoked: async () => {},
    },
  )
  const began = performance.now()
  for (let i = 0; i < RECORDS; i++)
    await kafka.log.produce(topic, [{ key: 'k', value: Buffer.from(String(i)), partition: i % 2 }])
  await vi.waitFor(() => expect(got.flat()).toHaveLength(RECORDS), PATIENT)
  const fetches = Math.ceil((performance.now() - began) / PACE_MS) + 1
  await subscription.stop()
  for (const partition of [0, 1]) {
    expect(got[partition]).toEqual(Array.from({ length: RECORDS / 2 }, (_, i) => 2 * i + partition))
    expect(batches[partition]).toBeLessThanOrEqual(fetches)
  }
})
