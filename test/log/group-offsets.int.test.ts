/** What the broker hears of a consumer's progress: seldom while it is busy, all of it in the end. */
import { setImmediate, setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { readAll } from '../../core/log/read-all.ts'
import { createTestKafka, type TestKafka } from '../support/kafka.ts'
import { PATIENT } from '../support/patience.ts'

const EVERY_MS = 250

let kafka: TestKafka
beforeAll(async () => {
  kafka = await createTestKafka()
})
afterAll(() => kafka.close())

/** Commits that the broker noted for the group, by its own log of them. */
async function commitsOf(group: string): Promise<number> {
  let commits = 0
  await readAll(kafka.log, '__consumer_offsets', ({ key, value }) => {
    // the key of a commit begins with version 0 or 1; 2 is the group itself
    if (key && value && key.readInt16BE(0) < 2 && key.includes(group)) commits++
  })
  return commits
}

test('of a busy consumer the broker hears at most four times a second, and what is last within that time', async () => {
  const RECORDS = 100
  const topic = await kafka.createTopic()
  const group = kafka.name('busy')
  await kafka.log.produce(
    topic,
    Array.from({ length: RECORDS }, (_, i) => ({ key: 'k', value: Buffer.from(String(i)) })),
  )
  let noted = 0
  let began = 0
  const subscription = await kafka.log.consume(
    { group, topic },
    {
      assigned: async () => 0,
      async batch({ records }, control) {
        began ||= Date.now()
        for (const { offset } of records) {
          await control.commitOffset(offset + 1)
          await sleep(5) // the work between two commits
          noted++
        }
      },
      revoked: async () => {},
    },
  )
  await vi.waitFor(async () => expect((await kafka.log.committed(group, topic)).get(0)).toBe(RECORDS), PATIENT)
  const quarters = Math.ceil((Date.now() - began) / EVERY_MS)
  await subscription.stop()
  expect(noted).toBe(RECORDS)
  const commits = await commitsOf(group)
  expect(commits).toBeGreaterThan(0)
  expect(commits).toBeLessThanOrEqual(quarters + 1)
})

test('a consumer that stops tells the broker before it leaves', async () => {
  const topic = await kafka.createTopic({ partitions: 2 })
  const group = kafka.name('stops')
  await kafka.log.produce(
    topic,
    [0, 1].map((partition) => ({ key: 'k', value: Buffer.from('x'), partition })),
  )
  const done = new Set<number>()
  const subscription = await kafka.log.consume(
    { group, topic },
    {
      assigned: async () => 0,
      async batch({ partition }, control) {
        for (let offset = 0; offset <= 1; offset++) {
          await control.commitOffset(offset)
          await setImmediate() // the first of these goes at once, the last has to wait
        }
        done.add(partition)
      },
      revoked: async () => {},
    },
  )
  await vi.waitFor(() => expect(done.size).toBe(2), PATIENT)
  await subscription.stop()
  expect(await kafka.log.committed(group, topic)).toEqual(
    new Map([
      [0, 1],
      [1, 1],
    ]),
  )
})
