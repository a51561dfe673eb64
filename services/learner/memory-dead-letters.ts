/** Dead letters in memory: the rules of `strandline_dead_letters_*`. */
import type { MemoryDatabase } from '../../core/store/memory/database.ts'
import {
  byPlace,
  byRecording,
  type DeadLetter,
  deadLettersOf,
  putLetter,
} from '../../core/store/memory/dead-letters.ts'
import type { DeadLetterStore } from './dead-letter-store.ts'

export function createMemoryDeadLetters(db: MemoryDatabase): DeadLetterStore {
  const nowText = () => new Date(db.now()).toISOString()
  const lettersAt = (topic: string, partition: number, offset: number) =>
    deadLettersOf(db)
      .rows()
      .filter((l) => l.topic === topic && l.partition === partition && l.offset === offset)
  return {
    at: async ({ consumer, topic, partition }, offsets) =>
      offsets.flatMap((offset) =>
        lettersAt(topic, partition, offset)
          .filter((l) => l.consumer === consumer)
          .map(({ topic_id, record_ms }) => ({ offset, topic_id, record_ms })),
      ),
    applied: async ({ consumer, topic, partition }, { from, next, refused }, topicId) =>
      db.transaction(() => {
        for (const l of deadLettersOf(db).rows()) {
          if (l.consumer !== consumer || l.topic !== topic || l.partition !== partition) continue
          if (l.offset < from || l.offset >= next || refused.includes(l.offset) || l.applied_at !== null) continue
          if (topicId === null || l.topic_id === '' || l.topic_id === topicId)
            putLetter(db, { ...l, applied_at: nowText() })
        }
      }),
    async page(topic, all, after, limit) {
      const shown = deadLettersOf(db)
        .rows()
        .filter((l) => l.topic === topic && (l.partition - after.partition || l.offset - after.offset) > 0)
        .filter((l) => all || (l.redriven_at === null && l.applied_at === null))
        .sort((a, b) => byPlace(a, b) || byRecording(a, b))
        .filter((l, i, sorted) => i === 0 || byPlace(l, sorted[i - 1] as DeadLetter) !== 0)
      return shown.slice(0, limit).map(({ number: _, ...letter }) => letter)
    },
    redriven: async (topic, partition, placed) =>
      db.transaction(() => {
        for (const { offset, to } of placed) {
          const letters = lettersAt(topic, partition, offset)
          const newest = letters.toSorted(byRecording)[0]
          for (const l of letters)
            if (l.topic_id === newest?.topic_id && l.record_ms === newest.record_ms)
              putLetter(db, {
                ...l,
                redriven_at: nowText(),
                redriven_partition: to.partition,
                redriven_offset: to.offset,
              })
        }
      }),
  }
}
