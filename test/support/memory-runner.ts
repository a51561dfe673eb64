/** A partition runner on a database in memory, whose batches the test hands over one by one. */
import { pino } from 'pino'
import { StrandlineError } from '../../core/errors.ts'
import type { BatchControl, LogBatch, LogRecord, PlacedRecord } from '../../core/log/log.ts'
import { createPartitionRunner } from '../../core/runner/partition-runner.ts'
import { createMemoryStore } from './memory-store.ts'

export function createMemoryRunner() {
  const memory = createMemoryStore()
  const world = {
    memory,
    /** What the log has. */
    range: { start: 0, end: 1_000_000 },
    topicId: null as string | null,
    /** What lies in the log, for whoever looks at single records. */
    records: new Map<number, PlacedRecord>(),
    /** How many questions to the log stay without an answer. */
    offsetsFail: 0,
    acceptTruncated: false,
    /** May the log be read? */
    admit: async () => {},
    warnings: [] as string[],
    runner: (maxChunk?: number) =>
      createPartitionRunner({
        consumer: 'c',
        topic: 't',
        holder: 'h',
        checkpoints: memory.checkpoints,
        log: {
          async offsets() {
            if (world.offsetsFail-- > 0) throw new StrandlineError('LOG_UNREACHABLE', 'the broker is away')
            return [{ partition: 0, ...world.range }]
          },
          topicId: async () => world.topicId,
          recordsAt: async (_, offsets) =>
            new Map([...offsets].map(([partition, offset]) => [partition, world.records.get(offset) ?? null])),
        },
        clock: { now: () => 0, monotonic: () => 0, sleep: async () => {} },
        logger: pino(
          { level: 'warn' },
          { write: (line: string) => void world.warnings.push((JSON.parse(line) as { msg: string }).msg) },
        ),
        processor: memory.processor,
        maxChunk,
        acceptTruncated: world.acceptTruncated,
        admit: () => world.admit(),
      }),
    /** Records at these offsets, asked for from `fetchedOffset` on. */
    batch: (fetchedOffset: number, offsets: number[], more: Partial<LogBatch> = {}): LogBatch => ({
      topic: 't',
      partition: 0,
      fetchedOffset,
      nextOffset: (offsets.at(-1) ?? fetchedOffset) + 1,
      highWatermark: world.range.end,
      records: offsets.map((offset): LogRecord => ({ offset, timestamp: 0, key: null, value: null, headers: {} })),
      ...more,
    }),
  }
  return world
}

/** Hands one batch over; answers where the log was sent to, if anywhere, and what was committed to the group. */
export async function hand(
  runner: ReturnType<typeof createPartitionRunner>,
  batch: LogBatch,
  control: Partial<BatchControl> = {},
): Promise<{ soughtOffset: number | null; committed: number[] }> {
  let soughtOffset: number | null = null
  const committed: number[] = []
  await runner.batch(batch, {
    heartbeat: async () => {},
    isActive: () => soughtOffset === null,
    seek: (offset) => {
      soughtOffset = offset
    },
    commitOffset: async (offset) => void committed.push(offset),
    ...control,
  })
  return { soughtOffset, committed }
}
