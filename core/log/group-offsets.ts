/**
 * The offsets of a consumer group on their way to the broker, at most four requests a second for all partitions together: the first after a quiet quarter of a
 * second goes at once, what is noted meanwhile with the next. They are for displays; the truth is in the database, and one that lies behind is a replay.
 */
import type { Clock } from '../clock.ts'

const EVERY_MS = 250

export interface GroupOffsets {
  /** The work of the partition below `offset` is durable. */
  note(partition: number, offset: number): void
  /** What waits is not sent any more: the partitions may be somebody else's by now. */
  drop(): void
  /** Sends what waits without waiting for its turn; resolves once the broker has answered. */
  flush(): Promise<void>
}

/** @param commit one request for all these partitions; never rejects */
export function createGroupOffsets(
  commit: (offsets: Map<number, number>) => Promise<void>,
  clock: Pick<Clock, 'sleep'>,
): GroupOffsets {
  let waiting = new Map<number, number>()
  let requests = Promise.resolve()
  let sending = false

  /** One request at a time: two would reach the broker in either order. */
  function flush(): Promise<void> {
    const offsets = waiting
    waiting = new Map()
    if (offsets.size > 0) requests = requests.then(() => commit(offsets))
    return requests
  }

  async function send(): Promise<void> {
    sending = true
    await Promise.resolve() // what is noted in the same turn travels together
    while (waiting.size > 0) {
      await flush()
      await clock.sleep(EVERY_MS)
    }
    sending = false
  }

  return {
    note(partition, offset) {
      waiting.set(partition, offset)
      if (!sending) void send()
    },
    drop: () => waiting.clear(),
    flush,
  }
}
