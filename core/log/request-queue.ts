/**
 * kafkajs 2.2.4 looks a thousand times a second, on each connection and for as long as it is open, whether a request waits there for its turn (too many in flight, a
 * client that its broker throttles), also where none does (tulios/kafkajs#1704, #1556, #1751). What it plans while one waits is what such a request needs; the
 * rest is left out. A reach into a library: test/log/idle-client.int.test.ts sees it hold in a plain process, and fails where a later kafkajs is another.
 */
import { createRequire } from 'node:module'

interface RequestQueue {
  /** Requests that wait for their turn. */
  pending: unknown[]
  /** Plans the next look, unless one is planned. */
  scheduleCheckPendingRequests(): void
}

const { prototype: queue } = createRequire(import.meta.url)('kafkajs/src/network/requestQueue/index.js') as {
  prototype: RequestQueue
}
const { scheduleCheckPendingRequests } = queue

export function restIdleConnections(): void {
  queue.scheduleCheckPendingRequests = function (this: RequestQueue) {
    if (this.pending.length > 0) scheduleCheckPendingRequests.call(this)
  }
}
