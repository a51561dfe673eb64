/** How large all sums are, in memory: the rules of `strandline_learner_count_trades` and `…_count_sums`. */
import { keyOf, type MemoryDatabase } from '../../core/store/memory/database.ts'
import { bytewise, learnedTables, onPage, pageEnd } from '../../core/store/memory/learned.ts'
import type { VersionSizeStore } from './version-size-store.ts'

export function createMemoryVersionSizes(db: MemoryDatabase): VersionSizeStore {
  const { ledger, partials } = learnedTables(db)
  return {
    async trades(after, size) {
      const [id = '', version = '0'] = after.split(' ')
      const page = ledger
        .rows()
        .filter((l) => bytewise(l.event_id, id) > 0 || (l.event_id === id && l.model_version > Number(version)))
        .sort((a, b) => bytewise(a.event_id, b.event_id) || a.model_version - b.model_version)
        .slice(0, size)
      const last = page[size - 1]
      return {
        trades: countBy(page.map((l) => l.model_version)),
        next: last ? `${last.event_id} ${last.model_version}` : null,
      }
    },
    async sums(after, size) {
      const upto = pageEnd(db, after, size)
      const page = partials.rows().filter((p) => onPage(p.key, after, upto) || (after === '' && p.key === ''))
      const groups = new Map(page.map((p) => [keyOf(p.model_version, p.name, p.key), p]))
      const coefficients = new Map(
        countBy([...groups.values()].filter((p) => p.scope !== 'global').map((p) => p.model_version)),
      )
      const rows = countBy(page.map((p) => p.model_version))
      return { sums: rows.map(([id, n]) => [id, coefficients.get(id) ?? 0, n]), next: upto }
    },
    bytes: async () => ({ trades: 0, sums: 0 }), // nothing is on a disk
  }
}

/** [value, how often], by value. */
function countBy(values: number[]): [number, number][] {
  const counts = new Map<number, number>()
  for (const value of values) counts.set(value, (counts.get(value) ?? 0) + 1)
  return [...counts].sort(([a], [b]) => a - b)
}
