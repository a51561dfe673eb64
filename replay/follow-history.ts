/** The history of a log that is read on for as long as somebody looks: what `openHistory` reads once, kept and followed. */
import type { Clock } from '../core/clock.ts'
import { StrandlineError } from '../core/errors.ts'
import type { LogBatch, LogGap, LogRecord, PartitionOffsets, Subscription } from '../core/log/log.ts'
import { lastRecordOf } from '../core/runner/last-record.ts'
import type { Model } from '../domain/learning/model.ts'
import { createDeniedSchemas } from './denied-schemas.ts'
import { type ReadPartition, storeHistory } from './history-file.ts'
import { createRecordAdder, endsOf, type HistorySource, holds, loadStored, type ReadHistory } from './read-history.ts'

/** Every so often it is asked whether the log still has what was read of it. */
const CHECK_MS = 30_000
const POLL_MS = 20
/** As long as a question waits for the log to be read. */
const PATIENCE_MS = 600_000
const LONGEST_BACKOFF_MS = 10_000
/** Records that are worth writing the cache again. */
const WORTH_STORING = 1_000

export interface FollowedHistory {
  /** As far as the log goes now. Errors: why it cannot be read; LOG_UNREACHABLE after ten minutes. */
  read(): Promise<ReadHistory>
  /** How far the first reading is, in records; null: it is done. */
  progress(): { done: number; total: number } | null
  stop(): Promise<void>
}

/** @param id of the consumer group, which is this reader's alone */
export function followHistory(
  source: HistorySource,
  model: Model,
  { clock, id }: { clock: Clock; id: string },
): FollowedHistory {
  const { log, topic } = source
  const stopping = new AbortController()
  let held: Awaited<ReturnType<typeof loadStored>> | undefined
  /** Why the last try ended; undefined: one goes on. */
  let failure: unknown
  let failures = 0
  let added = 0
  let total = 0
  let certain = true
  /** The log ends before what was read of it: it is another one. */
  let cut = false

  async function follow(): Promise<void> {
    const stored = await loadStored(source, model)
    const of = new Map(stored.partitions.map((p) => [p.partition, p]))
    total = stored.ranges.reduce((sum, r) => sum + Math.max(0, r.end - (of.get(r.partition)?.next ?? r.start)), 0)
    added = 0
    certain = true
    held = stored
    cut = false
    const add = createRecordAdder(source.codec, model, stored.history)
    const denied = createDeniedSchemas(source.codec)
    let broken: unknown
    const placed = (partition: number): ReadPartition => {
      const known = of.get(partition)
      if (known) return known
      const found = { partition, start: 0, next: 0, last: null } // it was added to the topic since
      of.set(partition, found)
      stored.partitions.push(found)
      return found
    }
    async function batch({ partition, records, nextOffset }: LogBatch): Promise<void> {
      const mine = placed(partition)
      let last: LogRecord | undefined
      for (const record of records) {
        if (record.offset < mine.next) continue
        if (!(await add(record, partition))) {
          certain = false
          denied.note(record)
        }
        mine.next = record.offset + 1
        last = record
        added++
      }
      mine.next = Math.max(mine.next, nextOffset)
      if (last) mine.last = lastRecordOf(last)
    }
    const subscription: Subscription = await log.consume(
      { group: `strandline-page-${id}`, topic },
      {
        assigned: async (partition) => placed(partition).next,
        revoked: async () => undefined,
        batch: (of) =>
          batch(of).catch((error) => {
            broken ??= error
            throw error
          }),
        async passed({ partition, from, next }: LogGap) {
          const mine = placed(partition)
          if (from <= mine.next) mine.next = Math.max(mine.next, next)
        },
      },
    )
    try {
      failure = undefined
      for (let worth = true; !stopping.signal.aborted; ) {
        for (let waited = 0; waited < CHECK_MS && !stopping.signal.aborted; waited += 500) {
          await clock.sleep(500, stopping.signal)
          const ended = broken ?? subscription.failure()
          if (ended) throw ended
          if (cut) return
          if (worth && certain && added >= WORTH_STORING && added >= total) {
            worth = false
            await storeHistory(stored.file, { partitions: stored.partitions, state: stored.history.state() })
          }
        }
        if (stopping.signal.aborted) return
        const read = stored.partitions.map((p) => ({ ...p })) // before the log is asked: it may grow, and be read on, meanwhile
        if (!(await holds(log, topic, read, await log.offsets(topic)))) return // another log: anew
        if (await denied.turnedUp(stopping.signal)) return // trades were passed over: anew
      }
    } finally {
      await subscription.stop().catch(() => undefined)
    }
  }

  const done = (async () => {
    for (let wait = 500; !stopping.signal.aborted; ) {
      const began = clock.now()
      await follow().catch((error) => {
        failure = error
        failures++
      })
      wait = clock.now() - began > CHECK_MS ? 500 : Math.min(wait * 2, LONGEST_BACKOFF_MS)
      await clock.sleep(wait, stopping.signal)
    }
  })()

  function reaches(ranges: readonly PartitionOffsets[]): boolean {
    if (!held || cut) return false
    const next = endsOf(held.partitions)
    return ranges.every((r) => r.end <= r.start || (next.get(r.partition) ?? 0) >= r.end)
  }

  return {
    async read() {
      const before = held && { of: held, next: endsOf(held.partitions) }
      const ranges = await log.offsets(topic)
      // What is read while the log is asked may lie beyond its answer.
      cut ||= before?.of === held && ranges.some((r) => r.end < (before?.next.get(r.partition) ?? 0))
      const [asked, failed] = [clock.now(), failures]
      while (!reaches(ranges)) {
        // what failed before the log answered just now is not why it cannot be read: the next try is waited for
        if (failure !== undefined && failures > failed) throw failure
        if (stopping.signal.aborted || clock.now() - asked > PATIENCE_MS)
          throw new StrandlineError('LOG_UNREACHABLE', `${topic} has not been read to its end.`, { todo: 'Ask again.' })
        await clock.sleep(POLL_MS, stopping.signal)
      }
      const { history, partitions } = held as NonNullable<typeof held>
      return { history, ends: endsOf(partitions), read: added }
    },
    progress: () => (held && added >= total ? null : { done: added, total }),
    async stop() {
      stopping.abort()
      await done
    },
  }
}
