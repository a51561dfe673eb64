/** Asks database, log and group for everything that a lag report needs. */
import type { Clock } from '../clock.ts'
import type { EventLog, PartitionOffsets } from '../log/log.ts'
import { groupOf } from '../runner/consumer-names.ts'
import { type BrokerLag, type LagReport, lagReport, readsFrom, type StoredLag } from './lag.ts'
import type { LagStore } from './lag-store.ts'

/** Errors: STORE_UNREACHABLE, STORE_SCHEMA (migrations missing), LOG_UNREACHABLE, LOG_TOPIC_MISSING, LOG_AUTH. */
export async function readLag(
  { lag, log, clock }: { lag: LagStore; log: EventLog; clock: Clock },
  topic: string,
): Promise<LagReport> {
  const stored = await lag.read(topic)
  const consumers = [...new Set(stored.checkpoints.map((p) => p.consumer))]
  const groups = [...new Set(consumers.map(groupOf))]
  const members = await Promise.all(
    groups.map(async (group) => {
      const [state, committed] = await Promise.all([log.group(group, topic), log.committed(group, topic)])
      return [group, { state, committed }] as const
    }),
  )
  const ranges = await log.offsets(topic) // last: what was applied or committed before lies below these ends
  const byGroup = new Map(members)
  const broker = new Map<string, BrokerLag>()
  for (const consumer of consumers) {
    const known = byGroup.get(groupOf(consumer))
    if (known) broker.set(consumer, { ...known, oldest: await log.timestamps(topic, behind(stored, consumer, ranges)) })
  }
  return lagReport(topic, stored, ranges, broker, clock.now())
}

/** Where each partition that is behind reads on. A checkpoint below the log's start is a loss; what the log still has tells the age. */
function behind(stored: StoredLag, consumer: string, ranges: PartitionOffsets[]): Map<number, number> {
  const out = new Map<number, number>()
  for (const range of ranges) {
    const row = stored.checkpoints.find((p) => p.consumer === consumer && p.partition === range.partition)
    const from = Math.max(range.start, readsFrom(row?.checkpoint, range))
    if (from < range.end) out.set(range.partition, from)
  }
  return out
}
