/** Reads records at known places of a topic, once, without a trace in any lasting group. */
import { randomUUID } from 'node:crypto'
import { StrandlineError } from '../errors.ts'
import type { EventLog, LogRecord } from './log.ts'

/** How long nothing may come before reading is given up. Milliseconds. */
const SILENCE_MS = 60_000

/**
 * `visit` hears the wanted records of each fetch, in the order of their partition; reading waits for it. What the log does not have (any more) is
 * passed over. Errors: LOG_UNREACHABLE, LOG_TOPIC_MISSING, and what `visit` throws.
 * @param wanted offsets by partition
 */
export async function readAt(
  log: Pick<EventLog, 'offsets' | 'consume'>,
  topic: string,
  wanted: ReadonlyMap<number, readonly number[]>,
  visit: (partition: number, records: LogRecord[]) => Promise<void>,
): Promise<void> {
  const open = new Map<number, number[]>()
  for (const { partition, start, end } of await log.offsets(topic)) {
    const offsets = (wanted.get(partition) ?? []).filter((o) => o >= start && o < end).sort((a, b) => a - b)
    if (offsets.length > 0) open.set(partition, offsets)
  }
  if (open.size === 0) return
  const ends = new Map((await log.offsets(topic)).map((o) => [o.partition, o.end]))

  const { promise: finished, resolve: finish, reject: fail } = Promise.withResolvers<void>()
  finished.catch(() => undefined) // awaited below
  let silence: NodeJS.Timeout | undefined
  const listen = () => {
    clearTimeout(silence)
    silence = setTimeout(
      () => fail(new StrandlineError('LOG_UNREACHABLE', `Nothing came from ${topic} for ${SILENCE_MS / 1000} s.`)),
      SILENCE_MS,
    )
  }
  const subscription = await log.consume(
    { group: `strandline-read-${randomUUID()}`, topic },
    {
      assigned: async (partition) => open.get(partition)?.[0] ?? ends.get(partition) ?? null,
      revoked: async () => undefined,
      async batch(batch, control) {
        const { partition, records, nextOffset } = batch
        const offsets = open.get(partition)
        if (!offsets) return
        listen()
        const mine = new Set(offsets)
        const found = records.filter((r) => mine.has(r.offset))
        const left = offsets.filter((o) => o >= nextOffset)
        open.set(partition, left)
        try {
          if (found.length > 0) await visit(partition, found)
        } catch (error) {
          open.clear()
          return fail(error)
        }
        if (left.length === 0) open.delete(partition)
        else control.seek(left[0] as number)
        if (open.size === 0) finish()
      },
    },
  )
  try {
    listen()
    await finished
  } finally {
    clearTimeout(silence)
    await subscription.stop()
  }
}
