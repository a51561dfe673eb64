/** Reads records at known places of a topic, once. */
import type { EventLog, LogRecord } from './log.ts'
import { type ReadingOptions, readOnce } from './read-once.ts'

/**
 * `visit` hears the wanted records of each fetch, in the order of their partition; reading waits for it. What the log does not have (any more) is
 * passed over. Errors: LOG_UNREACHABLE, LOG_TOPIC_MISSING, what `visit` throws, and the reason of `options.signal`.
 * @param wanted offsets by partition
 */
export async function readAt(
  log: Pick<EventLog, 'offsets' | 'consume'>,
  topic: string,
  wanted: ReadonlyMap<number, readonly number[]>,
  visit: (partition: number, records: LogRecord[]) => Promise<void>,
  options: ReadingOptions = {},
): Promise<void> {
  const ranges = await log.offsets(topic)
  const open = new Map<number, number[]>()
  for (const { partition, start, end } of ranges) {
    const offsets = (wanted.get(partition) ?? []).filter((o) => o >= start && o < end).sort((a, b) => a - b)
    if (offsets.length > 0) open.set(partition, offsets)
  }
  if (open.size === 0) return
  const ends = new Map(ranges.map((r) => [r.partition, r.end]))
  /** What is still wanted of a partition whose reading goes on at `next`. */
  const keep = (partition: number, next: number): number[] => {
    const left = (open.get(partition) ?? []).filter((o) => o >= next)
    if (left.length > 0) open.set(partition, left)
    else open.delete(partition)
    return left
  }
  await readOnce(
    log,
    topic,
    {
      start: (partition) => open.get(partition)?.[0] ?? ends.get(partition) ?? null,
      async batch({ partition, records, nextOffset }, control) {
        const mine = new Set(open.get(partition))
        if (mine.size === 0) return open.size === 0
        const found = records.filter((r) => mine.has(r.offset))
        if (found.length > 0) await visit(partition, found)
        const [next] = keep(partition, nextOffset)
        if (next !== undefined) control.seek(next)
        return open.size === 0
      },
      passed({ partition, from, next }) {
        const first = open.get(partition)?.[0]
        if (first !== undefined && from <= first) keep(partition, next)
        return open.size === 0
      },
      missing: () => [...open].map(([partition, of]) => `${of.length} of partition ${partition}`).join(', '),
    },
    options,
  )
}
