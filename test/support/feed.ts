/** Drives a PartitionHandler with records from memory, as the log would: assign, batches, heartbeats. No broker, so every interleaving can be chosen. */
import type { BatchControl, LogRecord, PartitionHandler } from '../../core/log/log.ts'

export interface Feed {
  /** Offers the partition from `committed` on, in batches of the given size, until the end; follows seeks. Resolves to the group's committed offset. */
  run(
    handler: PartitionHandler,
    options?: { batch?: number; committed?: number | null | 'earliest'; assign?: boolean },
  ): Promise<number | null>
  records: LogRecord[]
}

export function createFeed(topic: string, partition: number, records: LogRecord[]): Feed {
  return {
    records,
    async run(handler, { batch = 500, committed = null, assign = true } = {}) {
      let at = assign
        ? ((await handler.assigned(partition, committed)) ?? 0)
        : typeof committed === 'number'
          ? committed
          : 0
      let group: number | null = typeof committed === 'number' ? committed : null
      const end = (records.at(-1)?.offset ?? -1) + 1
      while (at < end) {
        const from = records.findIndex((r) => r.offset >= at)
        const taken = records.slice(from, from + batch)
        const next = records[from + batch]?.offset ?? end
        let sought: number | undefined
        const control: BatchControl = {
          heartbeat: async () => {},
          isActive: () => sought === undefined,
          seek: (offset) => {
            sought = offset
          },
          commitOffset: async (offset) => {
            group = offset
          },
        }
        await handler.batch(
          { topic, partition, fetchedOffset: at, nextOffset: next, highWatermark: end, records: taken },
          control,
        )
        at = sought ?? next
      }
      return group
    },
  }
}

/** Records at consecutive offsets. */
export function recordsOf(
  values: { key: string | null; value: Buffer | null; timestamp?: number }[],
  timestamp = Date.parse('2026-11-01T00:00:00Z'),
): LogRecord[] {
  return values.map((v, offset) => ({
    offset,
    timestamp: v.timestamp ?? timestamp,
    key: v.key === null ? null : Buffer.from(v.key),
    value: v.value,
    headers: {},
  }))
}
