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
import type { DeadLetterStore, LetterFilter } from './dead-letter-store.ts'

export function createMemoryDeadLetters(db: MemoryDatabase): DeadLetterStore {
  const nowText = () => new Date(db.now()).toISOString()
  const lettersAt = (topic: string, partition: number, offset: number) =>
    deadLettersOf(db)
      .rows()
      .filter((l) => l.topic === topic && l.partition === partition && l.offset === offset)
  /** Of several topics of that name: of the record whose letter is the newest of those that are wanted, else of those that are open, else of all. */
  function newestAt(
    topic: string,
    partition: number,
    offset: number,
    wanted: (l: DeadLetter) => boolean = isOpen,
  ): DeadLetter[] {
    const first = (is: (l: DeadLetter) => boolean, a: DeadLetter, b: DeadLetter) => Number(is(b)) - Number(is(a))
    const letters = lettersAt(topic, partition, offset).sort(
      (a, b) => first(wanted, a, b) || first(isOpen, a, b) || byRecording(a, b),
    )
    return letters.filter((l) => l.topic_id === letters[0]?.topic_id && l.record_ms === letters[0].record_ms)
  }
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
    offsets: readonly number[],
    wanted: (l: DeadLetter) => boolean,
    to: (l: DeadLetter) => Partial<DeadLetter>,
  ): number[] =>
    db.transaction(() => {
      const changed = new Set<number>()
      for (const offset of offsets)
        for (const l of newestAt(topic, partition, offset, wanted).filter(wanted)) {
          putLetter(db, { ...l, ...to(l) })
          changed.add(offset)
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
      const [start] = newestAt(topic, partition, offset)
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
    async redriving(topic, partition, offsets, end) {
      const from = (l: DeadLetter) => Math.min(l.redriving_from ?? end, end)
      const open = change(topic, partition, offsets, isOpen, (l) => ({ redriving_from: from(l) }))
      return open.map((offset) => [
        offset,
        Math.min(
          ...newestAt(topic, partition, offset)
            .filter(isOpen)
            .map((l) => from(l)),
        ),
      ])
    },
    redriven: async (topic, partition, placed) =>
      db.transaction(() => {
        const redriven_at = nowText()
        for (const { offset, to } of placed)
          for (const l of newestAt(topic, partition, offset, (l) => l.redriving_from !== null))
            putLetter(db, {
              ...l,
              redriven_at,
              redriven_partition: to.partition,
              redriven_offset: to.offset,
              redriving_from: null,
            })
      }),
    discard: async (topic, partition, offsets, discarded_by, discard_reason) => {
      const discarded_at = nowText()
      return change(topic, partition, offsets, isOpen, () => ({ discarded_at, discarded_by, discard_reason }))
    },
    reopen: async (topic, partition, offsets) =>
      change(
        topic,
        partition,
        offsets,
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
