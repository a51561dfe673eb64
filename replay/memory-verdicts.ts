/** Tried models in memory: the rules of `strandline_verdicts*`. */
import { keyOf, type MemoryDatabase } from '../core/store/memory/database.ts'
import { bytewise } from '../core/store/memory/learned.ts'
import type { Try } from '../domain/verdict/verdict.ts'
import type { VerdictStore } from './verdict-store.ts'

type Row = Try & { topic: string; model: string; trades: number }

export function createMemoryVerdicts(db: MemoryDatabase): VerdictStore {
  const table = db.table<Row>('verdicts')
  return {
    tried: async (topic) =>
      table
        .rows()
        .filter((row) => row.topic === topic)
        .sort((a, b) => bytewise(a.hash, b.hash) || a.since - b.since)
        .map(({ hash, since, p }) => ({ hash, since, p })),
    note: async (topic, tries) =>
      db.transaction(() => {
        for (const one of tries) table.put(keyOf(topic, one.hash, one.since), { ...one, topic })
      }),
  }
}
