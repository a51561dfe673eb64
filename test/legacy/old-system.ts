/**
 * An old project in a database: `makeOldSystem(databaseUrl, 'uuid')`. By hand:
 *   node test/legacy/old-system.ts postgres://… uuid
 */
import type pg from 'pg'
import { withClient } from '../../core/store/client.ts'
import { type ClosedTrade, encode, type History, makeHistory, RAW_JUNK, type Size } from './history.ts'
import { oldCoefficients, oldConfigs } from './learned.ts'
import { schemaSql } from './schema.ts'
import { has, VARIANTS, type Variant, type VariantName } from './variants.ts'

export type { ClosedTrade } from './history.ts'
export { type Answer, ask, type Statement, statementsOf } from './statements.ts'
export { VARIANTS, type Variant, type VariantName } from './variants.ts'

export interface OldSystem {
  variant: Variant
  /** Every closed trade that it has, once. */
  trades: ClosedTrade[]
  /** Ids of positions that are held. */
  held: string[]
}

const SIZE: Size = { positions: 400, otherStrands: 900 }

/** Makes the old system in an empty database (with or without Supabase's roles). The role of the URL owns it. */
export async function makeOldSystem(databaseUrl: string, name: VariantName, size: Size = SIZE): Promise<OldSystem> {
  const variant = VARIANTS[name]
  const history = makeHistory(variant, size)
  await withClient(databaseUrl, async (client) => {
    await client.query('begin')
    await client.query(schemaSql(variant))
    await fill(client, variant, history)
    await client.query('commit')
    await client.query('analyze')
  })
  return { variant, trades: history.trades, held: history.held }
}

async function fill(client: pg.Client, variant: Variant, { positions, strands, bars, trades }: History): Promise<void> {
  await insert(client, variant, 'lowcap_positions', positions)
  await insert(client, variant, 'lowcap_price_data_ohlc', bars)
  await insert(client, variant, 'ad_strands', strands)
  await insert(client, variant, 'learning_coefficients', oldCoefficients(trades))
  await insert(client, variant, 'learning_configs', oldConfigs(variant))
  // A reader that once was, and gave up: some rows it did, one it never finished.
  await client.query(`update public.learning_queue set status = 'completed'
    where id in (select id from public.learning_queue where strand_type = 'position_closed' order by id limit 5)`)
  await client.query(`update public.learning_queue set status = ${variant.id === 'bigint' ? `'processing'` : `'failed'`}
    where id in (select id from public.learning_queue where strand_type = 'position_closed' and status = 'pending' order by id limit 2)`)
  if (variant.id !== 'uuid')
    await client.query(`insert into public.learning_queue (strand_id, strand_type)
      select ${variant.id === 'text' ? `'gone_' || i` : '9000000 + i'}, 'position_closed' from generate_series(1, 3) i`)
  if (variant.id === 'bigint')
    for (const table of ['lowcap_positions', 'ad_strands'])
      await client.query(
        `select setval(pg_get_serial_sequence('public.${table}', 'id'), (select max(id) from public.${table}))`,
      )
}

const JSON_COLUMNS = new Set([
  'entry_context',
  'completed_trades',
  'features',
  'tags',
  'content',
  'regime_context',
  'metadata',
  'config_data',
])

/** Of each row the columns that the table has. */
async function insert(
  client: pg.Client,
  variant: Variant,
  table: string,
  rows: Record<string, unknown>[],
): Promise<void> {
  const written = rows.map((row) =>
    Object.fromEntries(
      Object.entries(row)
        .filter(([column]) => has(variant, table, column))
        .map(([column, value]) => [
          column,
          JSON_COLUMNS.has(column) && variant.json === 'text' && value !== null && value !== RAW_JUNK
            ? encode(value)
            : value,
        ]),
    ),
  )
  // By the columns that they give, so that what is left out has its default.
  const groups = Map.groupBy(written, (row) => Object.keys(row).sort().join())
  for (const [columns, group] of groups)
    for (let at = 0; at < group.length; at += 5_000)
      await client.query(
        `insert into public.${table} (${columns}) select ${columns} from jsonb_populate_recordset(null::public.${table}, $1)`,
        [encode(group.slice(at, at + 5_000))],
      )
}

if (import.meta.main) {
  const [, , url = '', name = ''] = process.argv
  if (!url || !(name in VARIANTS)) {
    process.stderr.write('node test/legacy/old-system.ts <postgres URL> text|uuid|bigint\n')
    process.exit(2)
  }
  const { trades, held } = await makeOldSystem(url, name as VariantName)
  const usable = trades.filter((t) => t.usable).length
  process.stdout.write(`${JSON.stringify({ trades: trades.length, usable, held: held.length })}\n`)
}
