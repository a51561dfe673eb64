/** What a learner left in the database, and what it should have: the same events folded in memory. */
import { expect } from 'vitest'
import type { PositionClosed } from '../../domain/event.ts'
import type { Model } from '../../domain/learning/model.ts'
import {
  byScopeNameKey,
  type CoefficientRow,
  createOfflineFold,
  type FoldedLog,
} from '../../domain/learning/offline.ts'
import type { TestDatabase } from './database.ts'

export const LEARNER_TABLES = 'learner_ledger, learner_partials, consumer_checkpoints, dead_letters, learning_configs'

export const emptyLearner = (db: TestDatabase) => db.sql(`truncate ${LEARNER_TABLES}`)

/** Readers see what is learned of this topic from now on, under the model that learned last. */
export const activate = (db: TestDatabase, topic: string) =>
  db.sql(
    'select strandline_learner_activate(model_version) from model_versions where topic = $1 order by model_version desc limit 1',
    [topic],
  )

/** As readers see it. */
export async function learned(db: TestDatabase): Promise<FoldedLog> {
  const rows = await db.sql<Omit<CoefficientRow, 'n'> & { n: string }>(
    'select module, scope, name, key, weight, rr_short, rr_long, n from learning_coefficients',
  )
  const [config] = await db.sql<{ global: FoldedLog['global_rr'] }>(
    `select config_data -> 'global_rr' as global from learning_configs where module = 'decision_maker'`,
  )
  const { rr_short = null, rr_long = null, n = 0 } = config?.global ?? {}
  return {
    global_rr: { rr_short, rr_long, n },
    coefficients: rows.map((r) => ({ ...r, n: Number(r.n) })).sort(byScopeNameKey),
  }
}

/** The partials to the last bit, as text. */
export async function bits(db: TestDatabase): Promise<unknown[]> {
  return db.sql(`select partition, period, name, key, n, newest_ms, weight_short::text, weight_short_low::text, weighted_rr_short::text, weighted_rr_short_low::text, weight_long::text, weight_long_low::text,
                        weighted_rr_long::text, weighted_rr_long_low::text
                 from learner_partials order by name, key, partition, period`)
}

/** The same events, partition by partition in the order of the log, without a database. */
export async function folded(model: Model, partitions: PositionClosed[][]): Promise<FoldedLog> {
  const fold = createOfflineFold(model)
  for (const [partition, events] of partitions.entries()) await fold.add(events, partition)
  return fold.result()
}

/** Same rows, no more and no fewer, each number within 1e-9 of itself. */
export function expectClose(actual: FoldedLog, expected: FoldedLog, tolerance = 1e-9): void {
  const name = (c: CoefficientRow) => [c.module, c.scope, c.name, c.key, c.n].join(' ')
  expect(actual.coefficients.map(name)).toEqual(expected.coefficients.map(name))
  expect(actual.global_rr.n).toBe(expected.global_rr.n)
  const numbers = (f: FoldedLog) => [
    ['global rr_short', f.global_rr.rr_short] as const,
    ['global rr_long', f.global_rr.rr_long] as const,
    ...f.coefficients.flatMap((c) =>
      (['weight', 'rr_short', 'rr_long'] as const).map((what) => [`${c.name} ${c.key} ${what}`, c[what]] as const),
    ),
  ]
  const right = numbers(expected)
  const wrong = numbers(actual).flatMap(([what, a], i) => {
    const e = (right[i] as readonly [string, number | null])[1]
    if (a === e) return []
    return a !== null && e !== null && Math.abs(a - e) <= tolerance * Math.abs(e) ? [] : [`${what} is ${a}, not ${e}`]
  })
  expect(wrong).toEqual([])
}
