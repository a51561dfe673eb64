/** Reads partitions once, from known offsets on, without a trace in any lasting group; and never waits without an end or a word. */
import { randomUUID } from 'node:crypto'
import { StrandlineError } from '../errors.ts'
import { TELL_EVERY_MS } from '../teller.ts'
import type { BatchControl, EventLog, LogBatch, LogGap } from './log.ts'

/** How long nothing may come before reading is given up. Milliseconds. */
const SILENCE_MS = 60_000

export interface ReadingOptions {
  /** Ends the reading: it rejects with the signal's reason. */
  signal?: AbortSignal
  /**
   * Hears, every ten seconds in which nothing came, what is waited for: one sentence. Whoever listens waits for as long as it takes; otherwise a minute of
   * silence ends the reading with LOG_UNREACHABLE.
   */
  waiting?: (sentence: string) => void
}

export interface Reading {
  /** Where to start; null: the partition is not wanted. */
  start(partition: number): number | null
  /** Resolves to true when all was read. What it throws ends the reading. */
  batch(batch: LogBatch, control: BatchControl): Promise<boolean>
  passed(gap: LogGap): boolean
  /** What is still missing, for a person: "2 of 6 partitions". */
  missing(): string
}

/** Errors: LOG_UNREACHABLE, LOG_TOPIC_MISSING, what `reading.batch` throws, and the signal's reason. */
export async function readOnce(
  log: Pick<EventLog, 'consume'>,
  topic: string,
  reading: Reading,
  { signal, waiting }: ReadingOptions = {},
): Promise<void> {
  signal?.throwIfAborted()
  const { promise: finished, resolve: finish, reject: fail } = Promise.withResolvers<void>()
  finished.catch(() => undefined) // awaited below
  let over = false
  let heardAt = Date.now()
  let working = 0
  const settle = (how: () => void) => {
    over = true
    how()
  }
  const ticking = setInterval(() => {
    const silence = Date.now() - heardAt
    if (silence < TELL_EVERY_MS || working > 0) return
    const sentence = `Nothing has come from ${topic} for ${Math.round(silence / 1000)} s; still to be read: ${reading.missing()}.`
    if (waiting) waiting(sentence)
    else if (silence >= SILENCE_MS) settle(() => fail(new StrandlineError('LOG_UNREACHABLE', sentence)))
  }, TELL_EVERY_MS)
  const abort = () => settle(() => fail(signal?.reason))
  signal?.addEventListener('abort', abort, { once: true })

  const subscribing = log.consume(
    { group: `strandline-read-${randomUUID()}`, topic },
    {
      assigned: async (partition) => reading.start(partition),
      revoked: async () => undefined,
      async batch(batch, control) {
        if (over) return
        working++
        try {
          if (await reading.batch(batch, control)) settle(finish)
        } catch (error) {
          settle(() => fail(error))
        } finally {
          working--
          heardAt = Date.now()
        }
      },
      async passed(gap) {
        if (over) return
        heardAt = Date.now()
        if (reading.passed(gap)) settle(finish)
      },
    },
  )
  subscribing.catch((error) => settle(() => fail(error)))
  try {
    await finished
  } finally {
    clearInterval(ticking)
    signal?.removeEventListener('abort', abort)
    const stopping = subscribing.then((s) => s.stop()).catch(() => undefined) // what failed is thrown already
    if (!signal?.aborted) await stopping
  }
}
