/** The learner's tables in memory: model versions, ledger and sums. The learner writes them; readers and the audit read what they amount to. */
import type { ModelDefinition } from '../../../domain/learning/model.ts'
import { type Coefficient, type DecayedSums, decayOf, mergeSums, weightOf } from '../../../domain/learning/sums.ts'
import { keyOf, type MemoryDatabase } from './database.ts'

export interface ModelVersionRow {
  model_version: number
  model: string
  hash: string
  topic: string
  definition: ModelDefinition
  build: number
  active: boolean
  building: boolean
  dropping: boolean
  previous: number | null
  /** ISO 8601. */
  created_at: string
}

/** A trade that was applied. */
export interface LedgerRow {
  model_version: number
  /** UUID. */
  event_id: string
  partition: number
  offset: number
  revision: number
  voided: boolean
  /** ms */
  closed_at: number
  rr: number | null
  levers: string
}

/** Sums of a group in one partition and period. */
export interface PartialRow {
  model_version: number
  partition: number
  period: number
  scope: string
  name: string
  key: string
  sums: DecayedSums
}

export const learnedTables = (db: MemoryDatabase) => ({
  versions: db.table<ModelVersionRow>('model_versions'),
  ledger: db.table<LedgerRow>('learner_ledger'),
  partials: db.table<PartialRow>('learner_partials'),
})

export const ledgerKey = (version: number, event_id: string) => keyOf(version, event_id)
export const partialKey = (p: Omit<PartialRow, 'sums' | 'scope'>) =>
  keyOf(p.model_version, p.name, p.key, p.partition, p.period)

export const activeVersion = (db: MemoryDatabase): ModelVersionRow | undefined =>
  learnedTables(db)
    .versions.rows()
    .find((v) => v.active)

/** Bytewise, as the database's collation "C". */
export const bytewise = (a: string, b: string): number => Buffer.compare(Buffer.from(a), Buffer.from(b))

export interface GroupRow extends Coefficient {
  scope: string
  name: string
  key: string
}

/** What the sums of a version amount to: each group merged in the order of partition and period (`strandline.learner_groups`). */
export function groupsOf(db: MemoryDatabase, version: ModelVersionRow): GroupRow[] {
  const tau = decayOf(version.definition.tau_days)
  const rows = learnedTables(db)
    .partials.rows()
    .filter((p) => p.model_version === version.model_version)
    .sort((a, b) => a.partition - b.partition || a.period - b.period)
  const groups = Map.groupBy(rows, (p) => keyOf(p.name, p.key))
  return [...groups.values()].flatMap((all) => {
    const { scope, name, key } = all[0] as PartialRow
    const merged = mergeSums(all, tau)
    return merged ? [{ scope, name, key, ...merged }] : []
  })
}

export const baselineOf = (groups: readonly GroupRow[]): Coefficient | null => {
  const found = groups.find((g) => g.name === 'global' && g.key === '')
  return found ? { rr_short: found.rr_short, rr_long: found.rr_long, n: found.n } : null
}

/** The coefficients of a version, weighed against its baseline (`strandline.learner_coefficients`). */
export function coefficientsOf(db: MemoryDatabase, version: ModelVersionRow) {
  const groups = groupsOf(db, version)
  const base = baselineOf(groups)?.rr_short
  const { module, weight: bounds } = version.definition
  return groups
    .filter((g) => g.scope !== 'global')
    .map((g) => ({ module, ...g, weight: weightOf(g.rr_short, base, bounds) }))
}

/** The last key of a page of so many partials, of whichever version; null: there are fewer. */
export function pageEnd(db: MemoryDatabase, after: string, size: number): string | null {
  const keys = learnedTables(db)
    .partials.rows()
    .map((p) => p.key)
    .filter((key) => bytewise(key, after) > 0)
    .sort(bytewise)
  return keys[size - 1] ?? null
}

export const onPage = (key: string, after: string, upto: string | null): boolean =>
  bytewise(key, after) > 0 && (upto === null || bytewise(key, upto) <= 0)
