/** A client that has nothing to do takes no processor time: seen in a process without vitest. */
import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { NODE_FLAGS } from '../../core/node-flags.ts'
import { createTestKafka, type TestKafka } from '../support/kafka.ts'

const CLIENT = fileURLToPath(new URL('../support/idle-client.ts', import.meta.url))

let kafka: TestKafka
beforeAll(async () => {
  kafka = await createTestKafka()
})
afterAll(() => kafka.close())

test('regression: connections without a request wake nobody; each woke its process a thousand times a second', async () => {
  const topic = await kafka.createTopic({ partitions: 1 })
  const { stdout, stderr } = await promisify(execFile)(process.execPath, [...NODE_FLAGS, CLIENT, kafka.brokers, topic])
  expect({ timers: JSON.parse(stdout), stderr }).toEqual({ timers: [], stderr: '' })
})
