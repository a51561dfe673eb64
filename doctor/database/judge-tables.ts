/** What the old tables are like, what each step would touch of them, and what is in the way. Pure. */
import { count, error, type Finding, info, list, warning } from '../finding.ts'
import { ADOPTED, CALLED, fits, touched, writes } from './adoption.ts'
import type { ColumnFacts, SharedName, TableFacts } from './shared-tables.ts'

/** Whose ids and references we read and write. */
const IDS = (name: SharedName) => ADOPTED.filter((a) => a.table === name && a.needs === 'key').map((a) => a.column)

/** What our projector fills of a strand. */
const FILLED = [
  'id module kind symbol timeframe session_bucket tags target_agent created_at updated_at position_id trade_id parent_id signal_pack content',
  'module_intelligence regime_context status metadata',
].flatMap((names) => names.split(' '))

const KINDS: Record<string, string> = {
  v: 'a view',
  m: 'a materialized view',
  f: 'a foreign table',
  S: 'a sequence',
  c: 'a type',
}

export interface Joined {
  /** Our migrations are applied. */
  migrated: boolean
  /** Names of the shared tables that were here before us; null where we may not know. */
  adopted: string[] | null
  /** Readers of learning_coefficients see our view. */
  switched: boolean
}

export function judgeTables(tables: TableFacts[], joined: Joined): Finding[] {
  return tables.flatMap((t) => judgeTable(t, joined))
}

function judgeTable(t: TableFacts, joined: Joined): Finding[] {
  const name = `public.${t.name}`
  if (t.name === 'learning_coefficients' && joined.switched && t.kind === 'v') return [described(t, joined)]
  if (t.kind !== 'r' && t.kind !== 'p')
    return [
      error(
        'tables',
        `${name} is ${KINDS[t.kind] ?? `of kind ${t.kind}`}, and neither a table nor ours.`,
        `Rename it (alter ${t.kind === 'm' ? 'materialized view' : t.kind === 'f' ? 'foreign table' : 'view'} ${name} rename to …), and point its readers there.`,
      ),
    ]
  const found: Finding[] = []
  const column = (wanted: string) => t.columns.find((c) => c.name === wanted)
  const wanted = ADOPTED.filter((a) => a.table === t.name)
  const missing = wanted.filter((a) => !a.made && !column(a.column)).map((a) => a.column)
  if (t.name === 'learning_configs' && !column('module') && !column('module_id')) missing.push('module')
  if (missing.length > 0)
    found.push(
      error(
        'tables',
        `${name} has no column ${list(missing)}: it is another table than the one that we join.`,
        'Rename it, or add what is missing.',
      ),
    )
  for (const { column: one, needs } of wanted) {
    const is = column(one)
    if (is && !fits(is, needs))
      found.push(
        error(
          'tables',
          `${name}.${one} is of the type ${is.type}, and must be ${CALLED[needs]}.`,
          `Change it: alter table ${name} alter column ${one} type … using …`,
        ),
      )
  }
  const computed = [
    ...wanted.filter(writes).map((a) => a.column),
    ...(t.name === 'learning_configs' ? ['updated_at'] : []),
  ].filter((one) => column(one)?.generated)
  for (const one of computed)
    found.push(
      error(
        'tables',
        `${name}.${one} is a generated column, and Strandline writes it.`,
        `Make it a plain one: alter table ${name} alter column ${one} drop expression.`,
      ),
    )
  if (t.children.length > 0)
    found.push(
      error(
        'tables',
        `${name} has rows in a table that inherits from it: ${list(t.children)}.`,
        `Make it a partitioned table, or say: alter table ${t.children[0]} no inherit ${name}.`,
      ),
    )
  if (IDS(t.name).includes('id') && column('id') && !t.id_is_unique)
    found.push(
      error(
        'tables',
        `${name}.id is not unique, or may be null: two rows could be taken for one.`,
        t.kind === 'p'
          ? 'A partitioned table can have unique ids only where it is partitioned by id.'
          : `alter table ${name} add primary key (id).`,
      ),
    )
  const added = joined.migrated ? [] : touched(t)
  if (added.length > 0 && !t.may_alter)
    found.push(
      error(
        'rights',
        `${name} belongs to ${t.owner}, and our role may not add to it, which migrate would: ${list(added)}.`,
        `Migrate as ${t.owner}, or as a member of it.`,
      ),
    )
  if (!t.may_read)
    found.push(
      warning(
        'rights',
        `Our role may not read ${name}: its rows were not looked at.`,
        `grant select on ${name} to our role.`,
      ),
    )
  else if (t.hides_rows)
    found.push(
      warning(
        'rights',
        `Row level security hides rows of ${name} from our role: what is counted here may be too little.`,
        `Look as ${t.owner}, or as a role that bypasses row level security.`,
      ),
    )
  if (t.name === 'ad_strands') found.push(...unfilled(t.columns))
  found.push(described(t, joined))
  return found
}

/** Columns of theirs that our strands would leave empty, and may not. */
function unfilled(columns: ColumnFacts[]): Finding[] {
  const names = columns.filter((c) => c.required && !c.filled && !FILLED.includes(c.name)).map((c) => c.name)
  if (names.length === 0) return []
  return [
    warning(
      'tables',
      `public.ad_strands needs a value of ${list(names)}, which our strands do not have: they would be set aside.`,
      `Give ${names.length === 1 ? 'it' : 'them'} a default, if readers of ad_strands shall see trades that the old system did not write.`,
    ),
  ]
}

function described(t: TableFacts, { migrated, adopted, switched }: Joined): Finding {
  const name = `public.${t.name}`
  const ids = IDS(t.name).map((id) => `${id} ${t.columns.find((c) => c.name === id)?.type ?? '–'}`)
  const parts = [
    ...(t.rows >= 0 && t.kind !== 'v' ? [`about ${count(Math.round(t.rows), 'row')}`] : []),
    count(t.columns.length, 'column'),
    ...ids,
    `owner ${t.owner}`,
    t.rls
      ? `row level security with ${t.policies.length > 0 ? `the policies ${quoted(t.policies)}` : 'no policy'}`
      : 'no row level security',
    ...(t.triggers.length > 0
      ? [`triggers ${list(t.triggers.map((g) => `${g.name} (${g.function}${g.enabled ? '' : ', off'})`))}`]
      : []),
    ...(t.checks.length > 0 ? [count(t.checks.length, 'check constraint')] : []),
    ...(t.grants.length > 0 ? [`granted to ${list(t.grants.map((g) => g.role))}`] : []),
    ...(t.dependents.length > 0 ? [`read by ${list(t.dependents)}`] : []),
  ]
  const is =
    t.kind === 'v' ? 'is our view' : adopted && !adopted.includes(t.name) ? 'is a table that we made' : 'is a table'
  return info('tables', `${name} ${is}: ${parts.join('; ')}. ${steps(t, { migrated, switched })}`.trim())
}

/** What each step does to it. */
function steps(t: TableFacts, { migrated, switched }: Pick<Joined, 'migrated' | 'switched'>): string {
  const added = touched(t)
  const migrate = migrated
    ? ''
    : added.length > 0
      ? `migrate adds ${list(added)}, and changes nothing else of it.`
      : 'migrate changes nothing of it.'
  const later: Partial<Record<SharedName, string>> = {
    lowcap_positions: 'The bridge and backfill only read it; our PM closes positions in it.',
    ad_strands: 'The bridge and backfill only read it; the projector inserts strands of trades that it does not have.',
    learning_queue: 'The bridge marks its rows completed or failed.',
    learning_configs: `The learner writes the baseline into it ${switched ? 'now' : 'after switch'}, and keeps every other key.`,
    learning_coefficients: switched
      ? ''
      : 'switch keeps it as learning_coefficients_before_strandline and puts our view in its place; undo takes that back.',
  }
  return [migrate, later[t.name] ?? ''].filter(Boolean).join(' ')
}

const quoted = (names: string[]) => list(names.map((n) => `"${n}"`))

/** Who would not notice the switch. */
export function judgeSwitch(t: TableFacts | undefined, switched: boolean): Finding[] {
  if (!t || switched || (t.kind !== 'r' && t.kind !== 'p')) return []
  const found: Finding[] = []
  if (t.dependents.length > 0)
    found.push(
      info(
        'switch',
        `${list(t.dependents)} ${t.dependents.length === 1 ? 'reads' : 'read'} public.learning_coefficients: a view follows the table that it was made on.`,
      ),
    )
  if (t.publications.length > 0)
    found.push(
      warning(
        'switch',
        `The publication ${list(t.publications)} sends changes of public.learning_coefficients: a view sends none, so subscribers hear nothing after switch.`,
        'Let them ask instead of listening, before you switch.',
      ),
    )
  return found
}
