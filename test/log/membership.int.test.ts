/** A member that the group has dropped, and that could not join again at once, joins it later: it does not read on outside of it. */
import Broker from 'kafkajs/src/broker/index.js'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { createTestKafka, type TestKafka } from '../support/kafka.ts'
import { PATIENT } from '../support/patience.ts'

let kafka: TestKafka
beforeAll(async () => {
  kafka = await createTestKafka()
})
afterAll(() => kafka.close())

/** The next answer of the broker to such a request is this error. */
const answersOnce = (request: 'heartbeat' | 'joinGroup', type: string) =>
  vi.spyOn(Broker.prototype, request).mockImplementationOnce(async () => {
    throw Object.assign(new Error(type), { name: 'KafkaJSProtocolError', type, retriable: true })
  })

test('regression: dropped by the group while its coordinator is loading, it is a member again', async () => {
  const topic = await kafka.createTopic()
  const group = kafka.name('membership')
  const got: string[] = []
  const subscription = await kafka.log.consume(
    { group, topic },
    {
      assigned: async () => got.length,
      async batch({ records }) {
        got.push(...records.map((r) => String(r.value)))
      },
      revoked: async () => {},
    },
  )
  const member = async () => {
    const { state, members } = await kafka.log.group(group, topic)
    return state === 'Stable' ? members[0]?.id : undefined
  }
  await vi.waitFor(async () => expect(await member()).toEqual(expect.any(String)), PATIENT)
  const before = await member()
  // what a broker says that was away for longer than a session, and is about to read its groups
  const joins = answersOnce('joinGroup', 'GROUP_LOAD_IN_PROGRESS')
  const beats = answersOnce('heartbeat', 'UNKNOWN_MEMBER_ID')
  try {
    await vi.waitFor(() => expect(joins).toHaveBeenCalled(), PATIENT)
    await vi.waitFor(async () => expect([undefined, before]).not.toContain(await member()), PATIENT)
    expect(subscription.joined()).toBe(true)
    await kafka.log.produce(topic, [{ key: 'k', value: Buffer.from('x') }])
    await vi.waitFor(() => expect(got).toEqual(['x']), PATIENT)
  } finally {
    joins.mockRestore()
    beats.mockRestore()
    await subscription.stop()
  }
})
