/** The loop's topics as we make them, on a real broker. */
import { afterAll, beforeAll, expect, it } from 'vitest'
import { checkLogSettings } from '../../core/log/log-settings.ts'
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

it.each([
  ['a finite retention', { 'retention.ms': '86400000' }, 'retention.ms is 86400000', 'retention.ms=-1'],
  [
    'a greatest size',
    { 'retention.ms': '-1', 'retention.bytes': '1000000' },
    'retention.bytes is 1000000',
    'retention.bytes=-1',
  ],
  [
    'compaction',
    { 'retention.ms': '-1', 'cleanup.policy': 'compact' },
    'cleanup.policy is compact',
    'cleanup.policy=delete',
  ],
  [
    'both',
    { 'retention.ms': '-1', 'cleanup.policy': 'compact,delete' },
    'cleanup.policy is compact,delete',
    'cleanup.policy=delete',
  ],
])('regression: an existing topic with %s is not accepted unasked', async (_, config, found, right) => {
  const topic = await kafka.createTopic({ config })
  const topics = { topic, deadLetterTopic: kafka.name('dead'), partitions: 1 }
  await expect(ensureLoopTopics(kafka.log, topics)).rejects.toMatchObject({
    code: 'LOG_SETTINGS',
    message: expect.stringContaining(`The topic ${topic} does not keep every record: ${found}`),
    todo: expect.stringMatching(
      new RegExp(`rpk topic alter-config ${topic} --set ${right} .*kafka-configs.sh .*${right}`),
    ),
  })
  expect(await ensureLoopTopics(kafka.log, { ...topics, acceptLogSettings: true })).toEqual([
    topic,
    topics.deadLetterTopic,
  ])
})

it('where we may not read the settings, that is said once, and it goes on', async () => {
  const warnings: unknown[] = []
  const logger = { warn: (...said: unknown[]) => void warnings.push(said.at(-1)) }
  const silent = { topicSettings: async () => null }
  const topic = kafka.name('unseen')
  await checkLogSettings(silent, { topic }, logger)
  await checkLogSettings(silent, { topic }, logger)
  expect(warnings).toEqual([expect.stringContaining(`We may not read the settings of ${topic}`)])
})
