/** The learner's tables in memory: model versions, ledger and sums. The learner writes them; readers and the audit read what they amount to. */
import { BASELINE, compileModel, type Group, type ModelDefinition, type Scope } from '../../../domain/learning/model.ts'
import { type GroupEvidence, learnedFrom } from '../../../domain/learning/offline.ts'
import { type DecayedSums, decayOf, type Evidence, type Means, mergeEvidence } from '../../../domain/learning/sums.ts'
import { learnerConsumer } from '../../runner/consumer-names.ts'
import type { OpenedVersion } from '../model-versions.ts'
import { keyOf, type MemoryDatabase } from './database.ts'

export interface ModelVersionRow {
  model_version: number
  model: string
  hash: string
  topic: string
  definition: ModelDefinition
  sums_hash: string
  /** The version whose sums it reads; itself, where it has its own. */
  sums: number
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
  /** Whose sums it is in. */
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

/** As `strandline.learner_consumer` has it. */
export const consumerOf = (db: MemoryDatabase, { sums }: ModelVersionRow): string =>
  learnerConsumer(learnedTables(db).versions.get(String(sums)) as ModelVersionRow)

/** For whoever learns it (`strandline.learner_opened`). */
export const openedRow = (db: MemoryDatabase, row: ModelVersionRow): OpenedVersion => {
  const { model_version, sums, active, build } = row
  return { model_version, sums, consumer: consumerOf(db, row), active, build }
}

/** Bytewise, as the database's collation "C". */
export const bytewise = (a: string, b: string): number => Buffer.compare(Buffer.from(a), Buffer.from(b))

/** What the sums of a version amount to: each group merged in the order of partition and period (`strandline.learner_evidence`). */
export function evidenceOf(db: MemoryDatabase, version: ModelVersionRow): GroupEvidence[] {
  const { sums, definition } = version
  const tau = decayOf(definition.tau_days)
  const { partials, ledger } = learnedTables(db)
  const newest = ledger
    .rows()
    .filter((t) => t.model_version === sums && !t.voided && t.rr !== null)
    .reduce((newest, t) => Math.max(newest, t.closed_at), 0)
  const rows = partials
    .rows()
    .filter((p) => p.model_version === sums)
    .sort((a, b) => a.partition - b.partition || a.period - b.period)
  const groups = Map.groupBy(rows, (p) => keyOf(p.name, p.key))
  return [...groups.values()].flatMap((all) => {
    const { scope, name, key } = all[0] as PartialRow
    const evidence = mergeEvidence(all, tau, newest)
    return evidence ? [{ group: { scope: scope as Scope, name, key }, evidence }] : []
  })
}

export const evidenceNamed = (groups: readonly GroupEvidence[], { scope, name, key }: Group): Evidence | null =>
  groups.find(({ group }) => group.scope === scope && group.name === name && group.key === key)?.evidence ?? null

export function baselineOf(db: MemoryDatabase, version: ModelVersionRow): Means | null {
  const found = evidenceNamed(evidenceOf(db, version), BASELINE)
  return found && { rr_short: found.rr_short, rr_long: found.rr_long, n: found.n }
}

/** The coefficients of a version, by its rule (`strandline.learner_coefficients`). */
export const coefficientsOf = (db: MemoryDatabase, { definition, hash, ...version }: ModelVersionRow) =>
  learnedFrom(compileModel(definition, hash), evidenceOf(db, { definition, hash, ...version })).coefficients

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
