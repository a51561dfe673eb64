/** Where every consumer of a topic stands, in memory: the rules of `strandline_lag`. */
import type { StoredLag } from '../../lag/lag.ts'
import { checkpointsOf } from './checkpoints.ts'
import { keyOf, type MemoryDatabase } from './database.ts'
import { deadLettersOf, isOpen } from './dead-letters.ts'
import { activeVersion, consumerOf } from './learned.ts'

const compare = (a: string, b: string) => (a < b ? -1 : a > b ? 1 : 0)

export function memoryLag(db: MemoryDatabase, topic: string): StoredLag {
  const open = deadLettersOf(db)
    .rows()
    .filter((l) => l.topic === topic && isOpen(l))
  const counted = [...Map.groupBy(open, (l) => keyOf(l.consumer, l.partition, l.reason)).values()]
  const active = activeVersion(db)
  return {
    checkpoints: checkpointsOf(db)
      .rows()
      .filter((c) => c.topic === topic)
      .sort((a, b) => compare(a.consumer, b.consumer) || a.partition - b.partition)
      .map(({ consumer, partition, checkpoint, epoch, holder, committed_at }) => ({
        consumer,
        partition,
        checkpoint,
        epoch,
        holder,
        committed_at,
      })),
    dead_letters: counted
      .map((all) => {
        const { consumer, partition, reason } = all[0] as (typeof open)[number]
        return { consumer, partition, reason, count: all.length }
      })
      .sort((a, b) => compare(a.consumer, b.consumer) || a.partition - b.partition || compare(a.reason, b.reason)),
    active: active?.topic === topic ? consumerOf(db, active) : null,
  }
}
