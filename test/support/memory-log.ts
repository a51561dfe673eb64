/** The writing half of a log in memory, whose every answer a test can choose: to open windows that a real broker opens once in a million times. */
import type { EventLog, OutgoingRecord, ProducedRecord } from '../../core/log/log.ts'

export interface MemoryLog extends Pick<EventLog, 'produce' | 'offsets' | 'ensureTopics'> {
  records: OutgoingRecord[]
  /** Called before records become durable; what it throws, the producer gets. */
  before: (records: OutgoingRecord[]) => void | Promise<void>
  /** Called after they are durable, before the producer gets its answer. */
  after: (records: OutgoingRecord[]) => void | Promise<void>
  /** The answer to whoever asks whether the log is there. */
  reachable: () => void
}

export function createMemoryLog(): MemoryLog & EventLog {
  const log: MemoryLog = {
    records: [],
    before: () => {},
    after: () => {},
    reachable: () => {},
    async produce(_topic, records): Promise<ProducedRecord[]> {
      await log.before(records)
      const offset = log.records.length
      log.records.push(...records)
      await log.after(records)
      return records.map((_, i) => ({ partition: 0, offset: offset + i }))
    },
    async offsets() {
      log.reachable()
      return [{ partition: 0, start: 0, end: log.records.length }]
    },
    async ensureTopics() {
      log.reachable()
    },
  }
  return Object.assign(log, {
    consume: () => Promise.reject(new Error('nobody reads this log')),
    committed: async () => new Map(),
    group: async () => ({ state: 'Dead', members: [] }),
    deleteGroup: async () => {},
    timestamps: async () => new Map(),
    recordsAt: async () => new Map(),
    topicId: async () => null,
    topicSettings: async () => new Map(),
    close: async () => {},
  })
}
