/** What is left of kafkajs' looks at requests that wait for their turn, and that no look is planned where none waits. */
import { EventEmitter } from 'node:events'
import { createRequire } from 'node:module'
import { expect, test, vi } from 'vitest'
import { restIdleConnections } from './request-queue.ts'

interface Queue {
  push(request: object): void
  maybeThrottle(ms: number): void
  fulfillRequest(answer: { correlationId: number; payload: Buffer; size: number }): void
  throttleCheckTimeoutId: unknown
}
const RequestQueue = createRequire(import.meta.url)('kafkajs/src/network/requestQueue/index.js') as new (
  options: object,
) => Queue

function openQueue(maxInFlightRequests: number | null = null) {
  restIdleConnections()
  restIdleConnections() // every client asks for it
  const sent: number[] = []
  const queue = new RequestQueue({
    instrumentationEmitter: new EventEmitter(),
    maxInFlightRequests,
    requestTimeout: 30_000,
    enforceRequestTimeout: true,
    clientId: 'test',
    broker: 'test:9092',
    logger: { debug: () => {}, warn: () => {}, error: () => {}, namespace: () => {} },
    isConnected: () => true,
  })
  const push = (correlationId: number) =>
    queue.push({
      entry: { correlationId, apiKey: 0, apiVersion: 0, apiName: 'test', resolve: () => {}, reject: () => {} },
      expectResponse: true,
      sendRequest: () => sent.push(correlationId),
    })
  const answer = (correlationId: number) => queue.fulfillRequest({ correlationId, payload: Buffer.alloc(0), size: 0 })
  return { queue, sent, push, answer }
}

test('with nothing that waits no look is planned', () => {
  const { queue, push, answer } = openQueue()
  push(1)
  answer(1)
  expect(queue.throttleCheckTimeoutId).toBeNull()
})

test('a request of a throttled client is sent when its time has come, and then no look is planned', async () => {
  const { queue, sent, push } = openQueue()
  queue.maybeThrottle(20)
  push(1)
  expect(sent).toEqual([])
  await vi.waitFor(() => expect(sent).toEqual([1]))
  expect(queue.throttleCheckTimeoutId).toBeNull()
})

test('a request beyond those that may be in flight is sent when one of them is answered', async () => {
  const { queue, sent, push, answer } = openQueue(1)
  push(1)
  push(2)
  expect(sent).toEqual([1])
  answer(1)
  expect(sent).toEqual([1, 2])
  await vi.waitFor(() => expect(queue.throttleCheckTimeoutId).toBeNull())
})
