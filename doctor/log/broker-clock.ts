/**
 * The broker's clock, as records tell that it has stamped (LogAppendTime): an event was appended after its row came into the outbox and before that row was
 * marked as published, both by the database's clock.
 */
import { judgeClock, type Skew } from '../clocks.ts'
import type { Ask } from '../database/read-only.ts'
import type { Finding } from '../finding.ts'

/** An event of the outbox, with its place in the log. Times in milliseconds, the database's clock. */
export interface Placed {
  partition: number
  offset: number
  created: number
  published: number
}

/** Of each partition the newest. */
export async function inspectPlaced(ask: Ask, topic: string): Promise<Placed[]> {
  return ask<Placed>(
    `select distinct on (partition) partition, "offset"::double precision as offset,
      extract(epoch from created_at)::double precision * 1000 as created, extract(epoch from published_at)::double precision * 1000 as published
    from (select * from strandline.pm_outbox where published_at is not null and topic = $1 order by id desc limit 500) o
    order by partition, "offset" desc`,
    [topic],
  )
}

/** By how much the broker is ahead of the database; null: no record tells. @param times of the records at those places, by partition; milliseconds */
export function brokerSkew(
  placed: Placed[],
  times: Map<number, { offset: number; timestamp: number } | null>,
): Skew | null {
  let skew: Skew | null = null
  for (const { partition, offset, created, published } of placed) {
    const record = times.get(partition)
    if (record?.offset !== offset) continue
    // how long it waited in the outbox is no matter of clocks: the bound that it gives is wide, and others are narrower
    const one = { least: record.timestamp - published, most: record.timestamp - created }
    skew = skew ? { least: Math.max(skew.least, one.least), most: Math.min(skew.most, one.most) } : one
  }
  // clocks that were set in between contradict themselves
  return skew && skew.least > skew.most ? null : skew
}

export const judgeBrokerClock = (skew: Skew | null): Finding[] =>
  skew ? judgeClock('The broker’s clock', 'the database’s', skew) : []

/** A record that the broker stamped lies in the past of every clock that is in step with its. Milliseconds. */
export const judgeNewestRecord = (newest: number | null, now: number): Finding[] =>
  newest === null || newest <= now
    ? []
    : judgeClock('The broker’s clock', 'this machine’s', { least: newest - now, most: newest - now })
