/** What is old made small, in memory: the rules of `strandline_retain`. */
import type { MemoryDatabase } from '../../core/store/memory/database.ts'
import { deadLettersOf, removeLetter } from '../../core/store/memory/dead-letters.ts'
import { newestOf, outboxKey, outboxOf } from '../../core/store/memory/outbox.ts'
import { strandTables } from '../../core/store/memory/strands.ts'
import { executionsOf } from './memory-executions.ts'
import { isNoted } from './memory-positions.ts'
import type { RetainedTable, RetentionPiece, RetentionStore } from './retention-store.ts'

type Piece = (db: MemoryDatabase, before: number, after: string, limit: number) => RetentionPiece

const DAY_MS = 86_400_000

const PIECES: Record<RetainedTable, Piece> = {
  /** A trade that has no score yet, or a provisional one, and one that was retracted, keeps its newest revision. */
  pm_outbox(db, before, after, limit) {
    const page = outboxOf(db)
      .rows()
      .filter((row) => row.published_at !== null && row.payload !== null && row.id > Number(after))
      .sort((a, b) => a.id - b.id)
      .slice(0, limit)
    const old = page.filter((row) => row.published_at! < before)
    const small = old.filter(
      ({ event_id, revision, payload }) =>
        (payload!.rr !== null && !payload!.voided && !isNoted(db, event_id)) ||
        newestOf(db, event_id)!.revision > revision,
    )
    for (const row of small)
      outboxOf(db).put(outboxKey(row.event_id, row.revision), {
        ...row,
        payload: null,
        source: row.payload!.source,
        traceparent: null,
      })
    return { done: small.length, next: page.length === limit && old.length > 0 ? String(page.at(-1)!.id) : null }
  },
  pm_executions(db, before, _after, limit) {
    const page = executionsOf(db)
      .rows()
      .filter((e) => e.request !== null && e.recorded_at < before)
      .sort((a, b) => a.recorded_at - b.recorded_at)
      .slice(0, limit)
    for (const e of page) executionsOf(db).put(e.id, { ...e, request: null })
    return again(page.length, limit)
  },
  /** Rows of strands that the projector made. */
  learning_queue(db, before, after, limit) {
    const { queue, strands } = strandTables(db)
    const page = queue
      .rows()
      .filter((q) => q.id > Number(after))
      .sort((a, b) => a.id - b.id)
      .slice(0, limit)
    const ours = new Set(strands.rows().flatMap((s) => (s.adopted ? [] : [s.strand_id])))
    const gone = page.filter(
      (q) => q.status === 'completed' && Date.parse(q.processed_at ?? '') < before && ours.has(q.strand_id),
    )
    for (const { id } of gone) queue.remove(String(id))
    return { done: gone.length, next: page.length === limit ? String(page.at(-1)!.id) : null }
  },
  /** Those that a replay has applied since. */
  dead_letters(db, before, _after, limit) {
    const page = deadLettersOf(db)
      .rows()
      .filter((l) => Date.parse(l.applied_at ?? '') < before)
      .slice(0, limit)
    for (const letter of page) removeLetter(db, letter)
    return again(page.length, limit)
  },
}

const again = (done: number, limit: number): RetentionPiece => ({ done, next: done === limit ? '' : null })

export const createMemoryRetention = (db: MemoryDatabase): RetentionStore => ({
  shrink: async (table, days, after, limit) =>
    db.transaction(() => PIECES[table](db, db.now() - days * DAY_MS, after, limit)),
})
