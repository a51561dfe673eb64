/** A log in memory as a broker keeps it: partitions that grow, transactions that are open, aborted or committed, markers that take an offset. */
import { StrandlineError } from '../../core/errors.ts'
import type { LogRecord, OutgoingRecord, PartitionOffsets, PlacedRecord, ProducedRecord } from '../../core/log/log.ts'
import type { Scheduler } from '../scheduler.ts'
import { mixed } from '../streams.ts'

export interface StoredRecord extends LogRecord {
  /** Readers see `data`, wait before what is `open`, and pass over the rest. */
  state: 'data' | 'open' | 'aborted' | 'marker'
}

interface Partition {
  records: StoredRecord[]
  waiting: Set<() => void>
}

export interface Fetched {
  records: LogRecord[]
  /** Where reading goes on. */
  next: number
  end: number
}

export interface Broker {
  /** By its own clock. */
  now(): number
  create(topic: string, partitions: number): void
  /** Grows a topic. */
  grow(topic: string, partitions: number): void
  partitions(topic: string): number
  /** Everything that was ever written. */
  all(topic: string): { partition: number; record: StoredRecord }[]
  produce(topic: string, records: OutgoingRecord[]): ProducedRecord[]
  /** Writes records of a transaction; the answer ends it. */
  begin(topic: string, partition: number, records: OutgoingRecord[]): (committed: boolean) => void
  /** Waits a few seconds where there is nothing; null: the offset lies outside. */
  fetch(topic: string, partition: number, from: number, most: number): Promise<Fetched | null>
  offsets(topic: string): PartitionOffsets[]
  /** The first that can be read at or above an offset. */
  at(topic: string, partition: number, offset: number): PlacedRecord | null
}

const WAIT_MS = 5_000

export function createBroker(scheduler: Scheduler, skew: () => number): Broker {
  const topics = new Map<string, Partition[]>()
  const now = () => scheduler.now() + skew()

  function of(topic: string): Partition[] {
    const found = topics.get(topic)
    if (!found) throw new StrandlineError('LOG_TOPIC_MISSING', `There is no topic ${topic}.`)
    return found
  }

  const add = (topic: string, count: number) => {
    const partitions = topics.get(topic) ?? []
    while (partitions.length < count) partitions.push({ records: [], waiting: new Set() })
    topics.set(topic, partitions)
  }

  function wake(partition: Partition): void {
    for (const look of [...partition.waiting]) look()
  }

  function append(partition: Partition, record: OutgoingRecord, state: StoredRecord['state']): StoredRecord {
    const { key, value } = record
    const stored: StoredRecord = {
      offset: partition.records.length,
      timestamp: now(),
      key: key === null ? null : Buffer.from(key),
      value,
      headers: record.headers ?? {},
      state,
    }
    partition.records.push(stored)
    return stored
  }

  /** As far as it can be read: before the first transaction that is open. */
  function readable({ records }: Partition): number {
    const open = records.findIndex((r) => r.state === 'open')
    return open === -1 ? records.length : open
  }

  const partitionOf = (partitions: Partition[], { key, partition }: OutgoingRecord) =>
    partition ?? mixed(String(key)) % partitions.length

  return {
    now,
    create: add,
    grow: add,
    partitions: (topic) => of(topic).length,
    all: (topic) => of(topic).flatMap((p, partition) => p.records.map((record) => ({ partition, record }))),
    produce(topic, records) {
      const partitions = of(topic)
      const placed = records.map((record): ProducedRecord => {
        const partition = partitionOf(partitions, record)
        const { offset, timestamp } = append(partitions[partition]!, record, 'data')
        return { partition, offset, appendedAt: timestamp }
      })
      for (const partition of partitions) wake(partition)
      return placed
    },
    begin(topic, number, records) {
      const partition = of(topic)[number]!
      const open = records.map((record) => append(partition, record, 'open'))
      return (committed) => {
        for (const record of open) record.state = committed ? 'data' : 'aborted'
        append(partition, { key: null, value: null }, 'marker')
        wake(partition)
      }
    },
    async fetch(topic, number, from, most) {
      const partition = of(topic)[number]!
      if (from < 0 || from > partition.records.length) return null
      if (from >= readable(partition))
        await new Promise<void>((resolve) => {
          const look = () => {
            if (from < readable(partition)) done()
          }
          const done = () => {
            partition.waiting.delete(look)
            resolve()
          }
          partition.waiting.add(look)
          scheduler.after(WAIT_MS, done)
        })
      const taken = partition.records.slice(from, Math.min(from + most, readable(partition)))
      return {
        records: taken.filter((r) => r.state === 'data').map(({ state: _, ...record }) => record),
        next: from + taken.length,
        end: readable(partition),
      }
    },
    offsets: (topic) =>
      of(topic).map((p, partition) => {
        const end = readable(p)
        const range = { partition, start: 0, end }
        return p.records.length > end ? { ...range, written: p.records.length } : range
      }),
    at(topic, number, offset) {
      const partition = of(topic)[number]
      const end = partition ? readable(partition) : 0
      const found = partition?.records.slice(0, end).find((r) => r.offset >= offset && r.state === 'data')
      if (!found) return null
      const { state: _, ...record } = found
      return record
    },
  }
}
