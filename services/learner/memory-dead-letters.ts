/** Dead letters in memory: the rules of `strandline_dead_letters_*`. */
import type { MemoryDatabase } from '../../core/store/memory/database.ts'
import {
  applyLetters,
  byPlace,
  byRecording,
  type DeadLetter,
  deadLettersOf,
  isOpen,
  putLetter,
} from '../../core/store/memory/dead-letters.ts'
import type { DeadLetterStore, LetterFilter, NotedRecord } from './dead-letter-store.ts'

export function createMemoryDeadLetters(db: MemoryDatabase): DeadLetterStore {
  const nowText = () => new Date(db.now()).toISOString()
  const lettersAt = (topic: string, partition: number, offset: number) =>
    deadLettersOf(db)
      .rows()
      .filter((l) => l.topic === topic && l.partition === partition && l.offset === offset)
  /** Those of a record, by each version that refused it. */
  const lettersOf = (topic: string, partition: number, { offset, topic_id, record_ms }: NotedRecord) =>
    lettersAt(topic, partition, offset).filter((l) => l.topic_id === topic_id && l.record_ms === record_ms)
  /** Of several topics of that name: the newest of those that are open, else of all. */
  const newestAt = (topic: string, partition: number, offset: number): DeadLetter | undefined =>
    lettersAt(topic, partition, offset).sort((a, b) => Number(isOpen(b)) - Number(isOpen(a)) || byRecording(a, b))[0]
  /** By place, the newest refusal of each. */
  const shown = (topic: string, all: boolean, filter?: LetterFilter) =>
    deadLettersOf(db)
      .rows()
      .filter((l) => l.topic === topic && (all || isOpen(l)) && fits(l, filter))
      .sort((a, b) => byPlace(a, b) || byRecording(a, b))
      .filter((l, i, sorted) => i === 0 || byPlace(l, sorted[i - 1] as DeadLetter) !== 0)
  const withoutNumber = ({ number: _, ...letter }: DeadLetter) => letter
  /** Changes those that are `wanted`, and answers with their offsets. */
  const change = (
    topic: string,
    partition: number,
    records: readonly NotedRecord[],
    wanted: (l: DeadLetter) => boolean,
    to: (l: DeadLetter) => Partial<DeadLetter>,
  ): number[] =>
    db.transaction(() => {
      const changed = new Set<number>()
      for (const record of records)
        for (const l of lettersOf(topic, partition, record).filter(wanted)) {
          putLetter(db, { ...l, ...to(l) })
          changed.add(record.offset)
        }
      return [...changed].sort((a, b) => a - b)
    })

  return {
    at: async ({ consumer, topic, partition }, offsets) =>
      offsets.flatMap((offset) =>
        lettersAt(topic, partition, offset)
          .filter((l) => l.consumer === consumer)
          .map(({ topic_id, record_ms }) => ({ offset, topic_id, record_ms })),
      ),
    applied: async (of, range, topicId) => db.transaction(() => applyLetters(db, of, range, topicId)),
    page: async (topic, all, after, limit, filter) =>
      shown(topic, all, filter)
        .filter((l) => (l.partition - after.partition || l.offset - after.offset) > 0)
        .slice(0, limit)
        .map(withoutNumber),
    count: async (topic, all, filter) =>
      [...Map.groupBy(shown(topic, all, filter), (l) => l.reason)]
        .map(([reason, letters]): [string, number] => [reason, letters.length])
        .sort(([a], [b]) => (a < b ? -1 : 1)),
    async chain(topic, { partition, offset }, limit) {
      const start = newestAt(topic, partition, offset)
      if (!start) return []
      const letters = deadLettersOf(db)
        .rows()
        .filter((l) => l.topic === topic && l.partition === partition && l.topic_id === start.topic_id)
      const related = new Set([offset])
      const there = new Set(letters.map((l) => l.offset))
      const originsOf = (of: number): void => {
        for (const { offset: at, redrive_of } of letters)
          if (at === of && redrive_of !== null && there.has(redrive_of) && !related.has(redrive_of)) {
            related.add(redrive_of)
            originsOf(redrive_of)
          }
      }
      originsOf(offset)
      for (let before = 0; before < related.size; ) {
        before = related.size
        for (const l of letters) if (l.redrive_of !== null && related.has(l.redrive_of)) related.add(l.offset)
      }
      return letters
        .filter((l) => related.has(l.offset))
        .sort((a, b) => byPlace(a, b) || byRecording(a, b))
        .slice(0, limit)
        .map(withoutNumber)
    },
    async redriving(topic, partition, records, end) {
      const since = new Map<number, number>()
      const begun = change(topic, partition, records, isOpen, (l) => {
        const redriving_from = Math.min(l.redriving_from ?? end, end)
        since.set(l.offset, Math.min(since.get(l.offset) ?? end, redriving_from))
        return { redriving_from }
      })
      return begun.map((offset) => [offset, since.get(offset) as number])
    },
    redriven: async (topic, partition, placed) =>
      db.transaction(() => {
        const redriven_at = nowText()
        for (const { to, ...record } of placed)
          for (const l of lettersOf(topic, partition, record))
            putLetter(db, {
              ...l,
              redriven_at,
              redriven_partition: to.partition,
              redriven_offset: to.offset,
              redriving_from: null,
            })
      }),
    discard: async (topic, partition, records, discarded_by, discard_reason) => {
      const discarded_at = nowText()
      return change(topic, partition, records, isOpen, () => ({ discarded_at, discarded_by, discard_reason }))
    },
    reopen: async (topic, partition, records) =>
      change(
        topic,
        partition,
        records,
        (l) => l.discarded_at !== null && l.applied_at === null,
        () => ({ discarded_at: null, discarded_by: null, discard_reason: null }),
      ),
  }
}

function fits(l: DeadLetter, { reasons, partitions, since, until }: LetterFilter = {}): boolean {
  const at = Date.parse(l.recorded_at)
  return (
    (reasons?.includes(l.reason) ?? true) &&
    (partitions?.includes(l.partition) ?? true) &&
    (since === undefined || at >= since) &&
    (until === undefined || at < until)
  )
}
