/** What happens to the consumers' state in the database while they run. */
import type { Stage } from '../stage.ts'
import type { Fault } from './fault.ts'

/** All that learner and projector wrote: the log can restore it. */
const TABLES = [
  'strandline.consumer_checkpoints',
  'strandline.learner_ledger',
  'strandline.learner_partials',
  'strandline.dead_letters',
  'strandline.strands',
  'public.ad_strands',
  'public.learning_configs',
]

const copyOf = (table: string, schema = 'tortured') => `${schema}.${table.replace('.', '_')}`

/** Statements that are sent together are one transaction. */
const COPY = `
  lock table ${TABLES.join(', ')} in share mode;
  drop schema if exists tortured cascade;
  create schema tortured;
  ${TABLES.map((t) => `create table ${copyOf(t)} as table ${t};`).join('\n')}`

const PUT_BACK = `
  lock table ${TABLES.join(', ')} in access exclusive mode;
  ${TABLES.map((t) => `delete from ${t}; insert into ${t} select * from ${copyOf(t)};`).join('\n')}
  drop schema tortured cascade`

interface Relations {
  /** With the columns that can be written. */
  tables: { name: string; columns: string }[]
  sequences: string[]
}

/** What a dump has. */
async function relationsOf(stage: Stage): Promise<Relations> {
  const rows = await stage.sql<{ name: string; kind: string; columns: string }>(
    `select n.nspname || '.' || c.relname as name, c.relkind::text as kind, string_agg(quote_ident(a.attname), ', ' order by a.attnum) as columns
     from pg_class c join pg_namespace n on n.oid = c.relnamespace
     join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped and a.attgenerated = ''
     where c.relkind in ('r', 'S') and n.nspname in ('public', 'strandline') group by 1, 2 order by 1`,
  )
  return {
    tables: rows.filter((r) => r.kind === 'r'),
    sequences: rows.filter((r) => r.kind === 'S').map((r) => r.name),
  }
}

async function dump(stage: Stage): Promise<void> {
  const { tables, sequences } = await relationsOf(stage)
  const copies = [...tables, ...sequences.map((name) => ({ name, columns: 'last_value, is_called' }))]
  await stage.sql(`
    lock table ${tables.map((t) => t.name).join(', ')} in share mode;
    drop schema if exists dumped cascade;
    create schema dumped;
    ${copies.map(({ name, columns }) => `create table ${copyOf(name, 'dumped')} as select ${columns} from ${name};`).join('\n')}`)
}

/** Triggers and keys are off, as pg_restore has them off. */
async function restore(stage: Stage): Promise<void> {
  const { tables, sequences } = await relationsOf(stage)
  const written = tables.map(
    ({ name, columns }) =>
      `delete from ${name}; insert into ${name} (${columns}) overriding system value select ${columns} from ${copyOf(name, 'dumped')};`,
  )
  const counted = sequences.map(
    (name) => `select setval('${name}', last_value, is_called) from ${copyOf(name, 'dumped')};`,
  )
  await stage.sql(`
    set local session_replication_role = replica;
    lock table ${tables.map((t) => t.name).join(', ')} in access exclusive mode;
    ${[...written, ...counted].join('\n')}
    drop schema dumped cascade`)
}

async function whileQuiet(stage: Stage, work: (stage: Stage) => Promise<void>): Promise<void> {
  const goOn = await stage.quiet()
  try {
    await work(stage)
  } finally {
    goOn()
  }
}

export const STATE_FAULTS: Fault[] = [
  {
    kind: 'state_restored',
    about:
      'the state of learners and projectors, checkpoints included, put back to what it was seconds ago, while they run',
    targets: () => ['consumers'],
    holds: () => ['consumers', 'postgres'],
    lasts: [3_000, 15_000],
    begin: async (stage) => void (await stage.sql(COPY)),
    end: async (stage) => void (await stage.sql(PUT_BACK)),
  },
  {
    kind: 'database_restored',
    about:
      'the whole database put back to what it was seconds ago, while all of them run; nobody trades, and the outbox is empty, when it is dumped and when it is restored',
    targets: () => ['database'],
    holds: () => ['database', 'consumers', 'postgres'],
    lasts: [5_000, 15_000],
    begin: (stage) => whileQuiet(stage, dump),
    end: (stage) => whileQuiet(stage, restore),
  },
]
