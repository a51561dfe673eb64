/** A model version taken away, in memory: the rules of `strandline_learner_drop`, `…_drop_rows`, `…_dropped`. */
import { checkpointsOf, placeOf } from '../../core/store/memory/checkpoints.ts'
import type { MemoryDatabase } from '../../core/store/memory/database.ts'
import { deadLettersOf, removeLetter } from '../../core/store/memory/dead-letters.ts'
import {
  bytewise,
  consumerOf,
  learnedTables,
  ledgerKey,
  type ModelVersionRow,
  onPage,
  pageEnd,
  partialKey,
} from '../../core/store/memory/learned.ts'
import type { DropStore } from './drop-store.ts'

export function createMemoryDrop(db: MemoryDatabase): DropStore {
  const { versions, ledger, partials } = learnedTables(db)
  const marked = (id: number) => {
    const version = versions.get(String(id))
    return version?.dropping ? version : undefined
  }
  /** Of those that read other sums, none. */
  function checkpointsOfOwn(version: ModelVersionRow) {
    if (version.sums !== version.model_version) return []
    const consumer = consumerOf(db, version)
    return checkpointsOf(db)
      .rows()
      .filter((c) => c.consumer === consumer && c.topic === version.topic)
  }

  return {
    mark: async (id, dropping) =>
      db.transaction(() => {
        const version = versions.get(String(id))
        if (!version) return 'unknown'
        if (version.active) return 'active'
        if (versions.rows().some((v) => v.sums === id && v.model_version !== id)) return 'shared'
        versions.put(String(id), { ...version, dropping })
        for (const row of checkpointsOfOwn(version))
          checkpointsOf(db).put(placeOf(row), { ...row, epoch: row.epoch + 1 })
        return 'ok'
      }),
    rows: async (id, store, after, size) =>
      db.transaction(() => {
        const version = marked(id)
        if (!version || version.sums !== id) return { dropped: 0, next: null }
        if (store === 'trades') {
          const ids = ledger
            .rows()
            .map((l) => l.event_id)
            .filter((event) => bytewise(event, after) > 0)
            .sort(bytewise)
          const next = ids[size - 1] ?? null
          const gone = ledger.rows().filter((l) => l.model_version === id && onPage(l.event_id, after, next))
          for (const { event_id } of gone) ledger.remove(ledgerKey(id, event_id))
          return { dropped: gone.length, next }
        }
        if (store === 'sums') {
          const next = pageEnd(db, after, size)
          const gone = partials
            .rows()
            .filter((p) => p.model_version === id && (onPage(p.key, after, next) || (after === '' && p.key === '')))
          for (const row of gone) partials.remove(partialKey(row))
          return { dropped: gone.length, next }
        }
        const consumer = consumerOf(db, version)
        const mine = deadLettersOf(db)
          .rows()
          .filter((letter) => letter.consumer === consumer && letter.topic === version.topic)
          .slice(0, size)
        for (const letter of mine) removeLetter(db, letter)
        return { dropped: mine.length, next: mine.length === size ? '' : null }
      }),
    end: async (id) =>
      db.transaction(() => {
        const version = marked(id)
        if (!version) return
        for (const row of checkpointsOfOwn(version)) checkpointsOf(db).remove(placeOf(row))
        for (const later of versions.rows())
          if (later.previous === id)
            versions.put(String(later.model_version), {
              ...later,
              previous: version.previous === later.model_version ? null : version.previous,
            })
        versions.remove(String(id))
      }),
  }
}
