/**
 * What was fetched of one partition, on its way to the handler: one call at a time, in the log's order. While the handler works the log goes on fetching, and
 * what came meanwhile is handed over as one batch: a transaction overlaps with the next fetches, and whoever lags gets larger pieces.
 */
import { FetchedRecord } from './fetched-record.ts'
import type { Limit } from './limit.ts'
import type { LogBatch, LogGap, LogRecord } from './log.ts'

export type Item = { batch: LogBatch } | { gap: LogGap }

export interface PartitionFeed {
  push(item: Item): void
  /** Bytes of keys and values that wait. */
  waiting(): number
  /** Resolves once less waits than before. */
  taken(): Promise<void>
  /** Forgets what waits. */
  clear(): void
  /** Resolves once the handler is at rest. */
  idle(): Promise<void>
}

/**
 * @param handle rejects: what waits is forgotten
 * @param limit how many feeds may be in `handle` at the same time
 */
export function createPartitionFeed(handle: (item: Item) => Promise<void>, limit: Limit): PartitionFeed {
  const items: Item[] = []
  let bytes = 0
  let running: Promise<void> | undefined
  let changed = Promise.withResolvers<void>()

  function drop(count: number): Item[] {
    const dropped = items.splice(0, count)
    for (const item of dropped) bytes -= sizeOf(item)
    changed.resolve()
    changed = Promise.withResolvers()
    return dropped
  }

  async function run(): Promise<void> {
    try {
      while (items.length > 0)
        await limit(async () => {
          const next = drop(lengthOfRun(items))
          if (next.length > 0) await handle(join(next))
        })
    } catch {
      drop(items.length) // whoever handles has said why
    } finally {
      running = undefined
    }
  }

  return {
    push(item) {
      items.push(item)
      bytes += sizeOf(item)
      running ??= run()
    },
    waiting: () => bytes,
    taken: () => changed.promise,
    clear: () => void drop(items.length),
    idle: async () => running,
  }
}

/** How many of the first items can be handled at once: batches that follow one another without a gap. */
function lengthOfRun(items: readonly Item[]): number {
  let length = Math.min(1, items.length)
  while (length < items.length && follows(items[length - 1] as Item, items[length] as Item)) length++
  return length
}

const follows = (before: Item, after: Item) =>
  'batch' in before &&
  'batch' in after &&
  !after.batch.afterGap &&
  after.batch.fetchedOffset === before.batch.nextOffset

function join(run: readonly Item[]): Item {
  const [first, last] = [run[0] as Item, run.at(-1) as Item]
  if (!('batch' in first && 'batch' in last) || first === last) return first
  const { nextOffset, highWatermark } = last.batch
  const records = run.flatMap((item) => ('batch' in item ? item.batch.records : []))
  return { batch: { ...first.batch, nextOffset, highWatermark, records } }
}

function sizeOf(item: Item): number {
  let bytes = 0
  if ('batch' in item)
    for (const record of item.batch.records) bytes += record instanceof FetchedRecord ? record.size : lengthOf(record)
  return bytes
}

const lengthOf = ({ key, value }: LogRecord): number => (key?.length ?? 0) + (value?.length ?? 0)
