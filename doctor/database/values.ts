/** Values that we write or look for in columns of theirs, and whether those can hold them: an enumeration, a domain or a check may not know them. */
import { error, type Finding, warning } from '../finding.ts'
import type { Ask } from './read-only.ts'
import type { SharedName, TableFacts } from './shared-tables.ts'

/** `needed`: migrate refuses a type without it, as supabase/migrations/…_adoption.sql. */
const VALUES: { table: SharedName; column: string; value: string; needed: boolean }[] = [
  { table: 'lowcap_positions', column: 'status', value: 'active', needed: true },
  { table: 'lowcap_positions', column: 'status', value: 'watchlist', needed: true },
  { table: 'ad_strands', column: 'kind', value: 'position_closed', needed: true },
  { table: 'learning_queue', column: 'strand_type', value: 'position_closed', needed: true },
  { table: 'learning_queue', column: 'status', value: 'pending', needed: true },
  { table: 'learning_queue', column: 'status', value: 'completed', needed: true },
  { table: 'learning_queue', column: 'status', value: 'failed', needed: false },
]

export interface LackingValue {
  table: SharedName
  column: string
  type: string
  value: string
  needed: boolean
  /** The check constraint that refuses it; null: the type does. */
  check: string | null
}

export async function inspectValues(ask: Ask, tables: TableFacts[]): Promise<LackingValue[]> {
  const lacking: LackingValue[] = []
  for (const { table, column, value, needed } of VALUES) {
    const found = tables.find((t) => t.name === table && ['r', 'p'].includes(t.kind))
    const type = found?.columns.find((c) => c.name === column)?.type
    if (type === undefined) continue
    const [held] = await ask<{ holds: boolean }>(`select '${value}'::${type}::text = '${value}' as holds`).catch(
      () => [],
    )
    if (!held?.holds) {
      lacking.push({ table, column, type, value, needed, check: null })
      continue
    }
    const checks = await ask<{ name: string; holds: string }>(
      `select k.conname::text as name, pg_get_expr(k.conbin, k.conrelid) as holds from pg_constraint k
       join pg_attribute a on a.attrelid = k.conrelid and k.conkey = array[a.attnum]
       where k.conrelid = to_regclass($1) and k.contype = 'c' and a.attname = $2 order by 1`,
      [`public.${table}`, column],
    )
    for (const check of checks) {
      // as the database itself asks it, of a row that we would write; what cannot be asked so is left to it
      const [answer] = await ask<{ holds: boolean | null }>(
        `select (${check.holds}) as holds from (select '${value}'::${type} as "${column}") row_of_ours`,
      ).catch(() => [])
      if (answer?.holds === false) lacking.push({ table, column, type, value, needed, check: check.name })
    }
  }
  return lacking
}

export const judgeValues = (lacking: LackingValue[]): Finding[] => lacking.map(judgeValue)

function judgeValue({ table, column, type, value, needed, check }: LackingValue): Finding {
  const name = `public.${table}.${column}`
  if (!needed)
    return warning(
      'bridge',
      `${check === null ? `${name} is of the type ${type}, which has no value` : `The check ${check} of public.${table} does not know`} ${value}: queue rows that are no trade stay pending.`,
      `${check === null ? `alter type ${type} add value '${value}'` : `Make it one that lets ${column} be '${value}', too (alter table public.${table} drop constraint …, add constraint …)`}; strandline.set_aside says which rows, and why.`,
    )
  if (check === null)
    return error(
      'tables',
      `${name} is of the type ${type}, which has no value ${value}.`,
      `alter type ${type} add value '${value}', or make the column a text.`,
    )
  // without it the bridge settles no row at all; the others concern what our PM and projector would write
  const settles = table === 'learning_queue' && value === 'completed'
  return (settles ? error : warning)(
    table === 'learning_queue' ? 'bridge' : 'tables',
    `The check ${check} of public.${table} does not let ${column} be ${value}, which Strandline writes or looks for.`,
    `Make it one that does: alter table public.${table} drop constraint …, add constraint …`,
  )
}
