/** Reads a topic from its start to the end that it has now, once. */
import { type EventLog, type LogRecord, type PartitionOffsets, writtenEnd } from './log.ts'
import { type ReadingOptions, readOnce } from './read-once.ts'

export interface ReadAll {
  /** Offsets behind the end that could not be read: a transaction is open. What lies there may be committed yet. */
  unread: number
}

/**
 * Resolves when every partition was read; `visit` hears each record, in the order of its partition. Errors: LOG_UNREACHABLE, LOG_TOPIC_MISSING, what
 * `visit` throws, and the reason of `options.signal`.
 */
export async function readAll(
  log: Pick<EventLog, 'offsets' | 'consume'>,
  topic: string,
  visit: (record: LogRecord, partition: number) => void | Promise<void>,
  options: ReadingOptions = {},
): Promise<ReadAll> {
  const ranges = await log.offsets(topic)
  await readRanges(log, topic, ranges, visit, options)
  return { unread: ranges.reduce((sum, r) => sum + writtenEnd(r) - r.end, 0) }
}

/** Reads parts of a topic, once; as readAll. @param ranges each from its start up to its end */
export async function readRanges(
  log: Pick<EventLog, 'consume'>,
  topic: string,
  ranges: readonly PartitionOffsets[],
  visit: (record: LogRecord, partition: number) => void | Promise<void>,
  options: ReadingOptions = {},
): Promise<void> {
  const open = new Map(ranges.filter((r) => r.end > r.start).map((r) => [r.partition, { ...r, next: r.start }]))
  const reached = (partition: number, next: number): boolean => {
    const range = open.get(partition)
    if (range) range.next = Math.max(range.next, next)
    if (range && range.next >= range.end) open.delete(partition)
    return open.size === 0
  }
  if (open.size === 0) return
  await readOnce(
    log,
    topic,
    {
      start: (partition) => open.get(partition)?.start ?? null,
      async batch({ partition, records, nextOffset }) {
        const range = open.get(partition)
        if (!range) return open.size === 0
        for (const record of records) {
          if (record.offset < range.next || record.offset >= range.end) continue
          await visit(record, partition)
          range.next = record.offset + 1
        }
        return reached(partition, nextOffset)
      },
      passed: ({ partition, from, next }) => reached(partition, from <= (open.get(partition)?.next ?? -1) ? next : 0),
      missing: () => [...open.values()].map((r) => `${r.end - r.next} of partition ${r.partition}`).join(', '),
    },
    options,
  )
}
