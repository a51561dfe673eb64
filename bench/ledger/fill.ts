/**
 * A ledger and its partials as a long life leaves them, made by SQL: every trade an interaction of its own, 10,000 curators. The sums of the lever
 * values are plausible, not folded: their cost is measured, not their value.
 */
import pg from 'pg'
import { COMBINATIONS, CURATORS, LEVERS, STEP, TIMEFRAME } from './vocabulary.ts'

/** Exit times of the trades lie in the 90 days before this. */
export const NEWEST = Date.parse('2026-01-01T00:00:00Z')
const SPAN = 90 * 86_400_000
/** As periodOf has it for lowcap-v4, ms. */
const PERIOD = 4 * 14 * 86_400_000

/** Event id of trade i: spread over the index as real ones are. */
export const eventIdSql = (i: string) => `md5((${i})::text)::uuid`
const rrSql = `((i * 37) % 600 - 200) / 100.0`

/** Taken apart: "chain" of combination k is element 1 + (k / 10000) % 4 of its values, and so on. */
function valueSql(lever: number): string {
  const divisor = LEVERS.slice(0, lever).reduce((product, l) => product * l.values.length, CURATORS)
  const { values } = LEVERS[lever]!
  return `(array[${values.map((v) => `'${v}'`).join(',')}])[1 + (k / ${divisor}) % ${values.length}]`
}

const part = (name: string) => `|| '|${name}=' || ${valueSql(LEVERS.findIndex((l) => l.name === name))}`
/** In the order of models/lowcap-v4.json. */
const leversSql = `'|curator=curator_' || k % ${CURATORS} ${['chain', 'cap', 'vol', 'age', 'intent', 'mapping_confidence'].map(part).join(' ')} || '|timeframe=${TIMEFRAME}|'`
/** Parts sorted by their text. */
const keySql = [
  { short: 'curator', sql: `'curator_' || k % ${CURATORS}` },
  ...LEVERS.map((l, i) => ({ short: l.short, sql: valueSql(i) })),
]
  .sort((a, b) => (a.short < b.short ? -1 : 1))
  .map(({ short, sql }, i) => `'${i === 0 ? '' : '|'}${short}=' || ${sql}`)
  .join(' || ')

export interface LedgerSize {
  rows: number
  partials: number
  bytes: number
}

export async function fillLedger(
  url: string,
  modelVersion: number,
  rows: number,
  partitions: number,
): Promise<LedgerSize> {
  const client = new pg.Client({ connectionString: url, options: '-c search_path=public,strandline' })
  await client.connect()
  const run = (text: string) => client.query(text)
  try {
    await run(`set maintenance_work_mem = '1GB'`)
    await run('begin')
    // truncated here, so that with wal_level minimal none of it is logged
    await run('truncate learner_ledger, learner_partials')
    await run('alter table learner_ledger drop constraint learner_ledger_pkey')
    await run('alter table learner_partials drop constraint learner_partials_pkey')
    const trades = `(select i, (i * ${STEP}) % ${COMBINATIONS} as k, ${NEWEST - SPAN} + i * ${SPAN} / ${rows} as closed_at from generate_series(0::bigint, ${rows - 1}) i) trades`
    await run(`
      insert into learner_ledger (event_id, "offset", closed_at_ms, rr, model_version, revision, partition, voided, levers)
      select ${eventIdSql('i')}, i / ${partitions}, closed_at, ${rrSql}, ${modelVersion}, 0, i % ${partitions}, false, ${leversSql} from ${trades}`)
    await run(`
      insert into learner_partials (model_version, partition, period, newest_ms, n, weight_short, weighted_rr_short, weight_long, weighted_rr_long, weight_short_low, weighted_rr_short_low, weight_long_low, weighted_rr_long_low, scope, name, key)
      select ${modelVersion}, i % ${partitions}, closed_at / ${PERIOD}, closed_at, 1, 1, ${rrSql}, 1, ${rrSql}, 0, 0, 0, 0, 'interaction', 'interaction', ${keySql} from ${trades}`)
    const values = [
      { name: 'global', scope: 'global', keys: [''] },
      { name: 'timeframe', scope: 'lever', keys: [TIMEFRAME] },
      ...LEVERS.map((l) => ({ name: l.name, scope: 'lever', keys: l.values })),
      { name: 'curator', scope: 'lever', keys: Array.from({ length: CURATORS }, (_, i) => `curator_${i}`) },
    ]
    for (const { name, scope, keys } of values) {
      const n = Math.max(1, Math.round(rows / partitions / keys.length))
      // 90 days of even trade, weighed: τ/90 of them for the short τ, 1 − 1/e for the long one
      const [s, l] = [Math.max(1, n * 0.155), Math.max(1, n * 0.632)]
      await client.query(
        `insert into learner_partials (model_version, partition, period, newest_ms, n, weight_short, weighted_rr_short, weight_long, weighted_rr_long, weight_short_low, weighted_rr_short_low, weight_long_low, weighted_rr_long_low, scope, name, key)
         select ${modelVersion}, p, ${NEWEST} / ${PERIOD}, ${NEWEST}, ${n}, ${s}, ${s}, ${l}, ${l}, 0, 0, 0, 0, '${scope}', '${name}', key
         from generate_series(0, ${partitions - 1}) p, unnest($1::text[]) key`,
        [keys],
      )
    }
    await run('alter table learner_ledger add constraint learner_ledger_pkey primary key (event_id, model_version)')
    await run(
      'alter table learner_partials add constraint learner_partials_pkey primary key (key, name, model_version, partition, period)',
    )
    await run('commit')
    await run('vacuum (analyze) learner_ledger')
    await run('vacuum (analyze) learner_partials')
    await run('checkpoint')
    const { rows: size } = await client.query<{ partials: string; bytes: string }>(
      `select (select count(*) from learner_partials) as partials,
              pg_total_relation_size('learner_ledger') + pg_total_relation_size('learner_partials') as bytes`,
    )
    return { rows, partials: Number(size[0]!.partials), bytes: Number(size[0]!.bytes) }
  } finally {
    await client.end()
  }
}
