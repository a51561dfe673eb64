/** What the audit reads, in memory: the rules of `strandline_audit_*`. */
import { checkpointsOf, placeOf } from '../../core/store/memory/checkpoints.ts'
import { asJson, type MemoryDatabase } from '../../core/store/memory/database.ts'
import { byPlace, type DeadLetter, deadLettersOf } from '../../core/store/memory/dead-letters.ts'
import { memoryLag } from '../../core/store/memory/lag.ts'
import {
  activeVersion,
  baselineOf,
  bytewise,
  coefficientsOf,
  learnedTables,
  onPage,
  pageEnd,
} from '../../core/store/memory/learned.ts'
import { outboxOf } from '../../core/store/memory/outbox.ts'
import { positionsOf } from '../../core/store/memory/positions.ts'
import { countStrands, strandTables } from '../../core/store/memory/strands.ts'
import type { AuditStore, IdPage } from './audit-store.ts'

export function createMemoryAudit(db: MemoryDatabase): AuditStore {
  /** Rows of one page in the order of their keys, and the key that the next one is behind. */
  function paged<Row>(rows: Row[], key: (row: Row) => string, after: string, limit: number) {
    const page = rows
      .filter((row) => bytewise(key(row), after) > 0)
      .sort((a, b) => bytewise(key(a), key(b)))
      .slice(0, limit)
    return { page, next: page.length === limit && limit > 0 ? key(page.at(-1) as Row) : null }
  }

  const readers: Record<Parameters<AuditStore['ids']>[0], (after: string, limit: number) => IdPage> = {
    positions(after, limit) {
      const { page, next } = paged(positionsOf(db).rows(), (p) => p.id, after, limit)
      return { ids: page.flatMap((p) => p.completed_trades).flatMap((t) => t.event_id ?? []), next }
    },
    ledger(after, limit) {
      const active = activeVersion(db)?.sums
      const rows = learnedTables(db)
        .ledger.rows()
        .filter((l) => l.model_version === active)
      const { page, next } = paged(rows, (l) => l.event_id, after, limit)
      return { ids: page.map((l) => l.event_id), next }
    },
    strands(after, limit) {
      const { adStrands, strands } = strandTables(db)
      const { page, next } = paged(strands.rows(), (s) => s.event_id, after, limit)
      const there = page.filter((s) =>
        s.strand_id === null ? s.projected !== null : adStrands.get(s.strand_id)?.kind === 'position_closed',
      )
      return { ids: there.map((s) => s.event_id), revisions: there.map((s) => s.revision), next }
    },
  }

  return {
    ids: async (what, after, limit) => readers[what](after, limit),
    async outbox(after, limit) {
      const page = outboxOf(db)
        .rows()
        .filter((r) => r.id > Number(after))
        .sort((a, b) => a.id - b.id)
        .slice(0, limit)
      return {
        rows: page.map((r) => [
          r.event_id,
          r.revision,
          r.published_at !== null,
          r.topic,
          r.partition,
          r.offset,
          r.refused,
        ]),
        next: page.length === limit && limit > 0 ? String(page.at(-1)?.id) : null,
      }
    },
    outboxDepth: async () =>
      outboxOf(db)
        .rows()
        .filter((r) => r.published_at === null).length,
    lag: async (topic) => memoryLag(db, topic),
    async letters(consumer, topic, [partition, offset], limit) {
      const open = deadLettersOf(db)
        .rows()
        .filter((l) => l.consumer === consumer && l.topic === topic && l.applied_at === null)
        .filter((l) => (l.partition - partition || l.offset - offset) > 0)
        .filter((l) => isOfTopic(l))
        .sort((a, b) => byPlace(a, b) || b.record_ms - a.record_ms)
        .filter((l, i, sorted) => i === 0 || byPlace(l, sorted[i - 1] as DeadLetter) !== 0)
      return open
        .slice(0, limit)
        .map((l) => [
          l.partition,
          l.offset,
          l.reason,
          l.redriven_at !== null ? 'redriven' : l.discarded_at !== null ? 'discarded' : 'open',
        ])
    },
    async coefficients(consumer, topic, after, size) {
      const upto = pageEnd(db, after, size)
      const active = activeVersion(db)
      const rows = active ? coefficientsOf(db, active).filter((c) => onPage(c.key, after, upto)) : []
      return asJson({
        hash: active?.hash ?? null,
        checkpoints: checkpointsOf(db)
          .rows()
          .filter((c) => c.consumer === consumer && c.topic === topic && c.checkpoint !== null)
          .map((c): [number, number] => [c.partition, c.checkpoint as number]),
        global_rr: active ? baselineOf(db, active) : null,
        rows: rows.map(({ scope, name, key, weight, rr_short, rr_long, n }) => ({
          scope,
          name,
          key,
          weight,
          rr_short,
          rr_long,
          n,
        })),
        next: upto,
      })
    },
    strandCount: async () => countStrands(db),
  }

  /** Not of a topic of that name that was there before: another record lies at its place now. */
  function isOfTopic(letter: DeadLetter): boolean {
    const read = checkpointsOf(db).get(placeOf(letter))?.topic_id ?? null
    return letter.topic_id === '' || read === null || read === letter.topic_id
  }
}
