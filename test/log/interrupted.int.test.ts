/** A handler that a failed heartbeat interrupts gets its records again, although nothing comes behind them. */
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { createTestKafka, type TestKafka } from '../support/kafka.ts'
import { PATIENT } from '../support/patience.ts'

let kafka: TestKafka
beforeAll(async () => {
  kafka = await createTestKafka()
})
afterAll(() => kafka.close())

test('regression: what was handed over when a heartbeat failed is handed over again', async () => {
  const topic = await kafka.createTopic()
  const got: string[] = []
  let failures = 1
  const subscription = await kafka.log.consume(
    { group: kafka.name('interrupted'), topic },
    {
      assigned: async () => 0,
      async batch({ records }) {
        // as a heartbeat of kafkajs fails while the network is away for a moment
        if (failures-- > 0) throw Object.assign(new Error('Connection timeout'), { name: 'KafkaJSConnectionError' })
        got.push(...records.map((r) => String(r.value)))
      },
      revoked: async () => {},
    },
  )
  await kafka.log.produce(topic, [{ key: 'k', value: Buffer.from('x') }])
  await vi.waitFor(() => expect(got).toEqual(['x']), PATIENT)
  await subscription.stop()
})
