/** The loop's topics as we make them, on a real broker. */
import { afterAll, beforeAll, expect, it } from 'vitest'
import { ensureLoopTopics } from '../../core/log/loop-topics.ts'
import { createTestKafka, type TestKafka } from '../support/kafka.ts'

let kafka: TestKafka
beforeAll(async () => {
  kafka = await createTestKafka()
})
afterAll(() => kafka.close())

it('a producer cannot give its record a time of its own: an exit in the future is found by the broker’s clock', async () => {
  const [topic = ''] = await ensureLoopTopics(kafka.log, {
    topic: kafka.name('closed'),
    deadLetterTopic: kafka.name('dead'),
    partitions: 1,
  })
  const before = Date.now()
  await kafka.log.produce(topic, [{ key: 'k', value: Buffer.from('v'), timestamp: Date.UTC(2099, 0, 1) }])
  const time = (await kafka.log.timestamps(topic, new Map([[0, 0]]))).get(0)
  expect(time).toBeGreaterThan(before - 60_000)
  expect(time).toBeLessThan(Date.now() + 60_000)
})
