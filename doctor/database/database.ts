/** Everything that is seen of a database, in one transaction that reads only. */
import { readMigrations } from '../../core/store/migrate.ts'
import { error, type Finding } from '../finding.ts'
import { unseen } from '../inspect.ts'
import { inspectPlaced, type Placed } from '../log/broker-clock.ts'
import { inspectDatabaseClock, judgeDatabaseClock } from './clock.ts'
import { judgeSwitch, judgeTables } from './judge-tables.ts'
import { inspectLocks, judgeLocks } from './locks.ts'
import { inspectMigrations, judgeMigrations } from './migrations.ts'
import { inspectNames, judgeNames } from './names.ts'
import { inspectOutbox, judgeOutbox } from './outbox.ts'
import { inspectQueue, inspectQueueWriters, judgeQueue, judgeQueueTrigger } from './queue.ts'
import { type Ask, readOnly } from './read-only.ts'
import { inspectServer, judgeServer } from './server.ts'
import { inspectTables, SHARED, type TableFacts } from './shared-tables.ts'
import { inspectTrades, judgeTrades, tradesInDatabase } from './trades.ts'
import { inspectUndo, judgeUndo } from './undo.ts'
import { inspectValues, judgeValues } from './values.ts'

/** What other looks want to know of it. */
export interface DatabaseSeen {
  migrated: boolean
  /** Events of the outbox with their places in the log. */
  placed: Placed[]
}

/** Findings come one after another, so that a look that is cut short has said what it saw. Errors: STORE_UNREACHABLE. */
export async function inspectDatabase(
  { url, topic, now }: { url: string; topic: string; now: () => number },
  say: (found: Finding[]) => void,
): Promise<DatabaseSeen> {
  const known = (await readMigrations()).map((m) => m.version)
  return readOnly(url, async (ask) => {
    const part = async (area: Finding['area'], what: string, work: () => Promise<Finding[]>) =>
      say(await work().catch((cause) => [unseen(area, what, cause)]))
    const names = await inspectNames(ask)
    const { ours } = names
    await part('rights', 'The server', async () => judgeServer(await inspectServer(ask), ours))
    await part('tables', 'The names of ours', async () => judgeNames(names))
    await part('clocks', "The database's clock", async () => judgeDatabaseClock(await inspectDatabaseClock(ask, now)))
    await part('migrations', 'The migrations', async () => judgeMigrations(await inspectMigrations(ask), known, ours))
    const tables = await inspectTables(ask)
    const table = (name: string) => tables.find((t) => t.name === name)
    const readers = ours && (await mayRead(ask)) ? await inspectReaders(ask) : null
    const switched = readers ? readers.switched : table('learning_coefficients')?.kind === 'v' && ours
    await part('tables', 'The tables', async () => [
      ...judgeTables(tables, { migrated: ours, adopted: readers?.adopted ?? null, switched }),
      ...judgeSwitch(table('learning_coefficients'), switched),
      ...absent(tables, ours),
    ])
    await part('tables', 'The values of columns', async () => judgeValues(await inspectValues(ask, tables)))
    await part('database', 'Locks', async () => judgeLocks(await inspectLocks(ask), ours))
    const queue = table('learning_queue')
    if (queue?.may_read && queue.kind === 'r')
      await part('bridge', 'learning_queue', async () => judgeQueue(await inspectQueue(ask, queue), ours))
    await part('bridge', 'The triggers of ad_strands', async () =>
      judgeQueueTrigger(table('ad_strands'), await inspectQueueWriters(ask)),
    )
    if (ours && readers === null)
      say([
        error(
          'rights',
          'Our role may not read the schema strandline: what waits in the outbox, and what undo would take away, was not looked at.',
          'Look as the owner of the tables (hosted: postgres), or as service_role.',
        ),
      ])
    if (readers) {
      await part('outbox', 'The outbox', async () => judgeOutbox(await inspectOutbox(ask)))
      await part('undo', 'What undo takes away', async () => judgeUndo(await inspectUndo(ask)))
    }
    const placed = readers ? await inspectPlaced(ask, topic).catch(() => []) : []
    const old = tables.filter(
      (t) => ['lowcap_positions', 'ad_strands'].includes(t.name) && t.may_read && ['r', 'p'].includes(t.kind),
    )
    if (old.length > 0)
      await part('backfill', 'Closed trades', async () =>
        judgeTrades(
          await inspectTrades(
            tradesInDatabase(ask, old, readers !== null),
            old.map((t) => t.name),
            now,
          ),
          ours,
        ),
      )
    return { migrated: ours, placed }
  })
}

async function mayRead(ask: Ask): Promise<boolean> {
  const [may] = await ask<{ may: boolean }>(`
    select has_schema_privilege('strandline', 'usage') and (select bool_and(has_table_privilege(c.oid, 'select')) from pg_class c
      where c.relnamespace = 'strandline'::regnamespace and c.relname in ('adopted', 'added', 'readers', 'pm_outbox', 'set_aside', 'trade_entries', 'trade_names', 'running_services')) as may`)
  return may!.may
}

async function inspectReaders(ask: Ask): Promise<{ adopted: string[]; switched: boolean }> {
  const adopted = await ask<{ table_name: string }>('select table_name from strandline.adopted where existed')
  const [readers] = await ask<{ ours: boolean }>(
    `select ours from strandline.readers where name = 'learning_coefficients'`,
  )
  return { adopted: adopted.map((a) => a.table_name), switched: readers?.ours === true }
}

function absent(tables: TableFacts[], ours: boolean): Finding[] {
  const missing = SHARED.filter((name) => !tables.some((t) => t.name === name))
  if (missing.length === 0) return []
  const names = missing.map((name) => `public.${name}`).join(', ')
  return [
    ours
      ? error('tables', `There is no ${names}: somebody dropped it after migrate.`, 'Restore it from a backup.')
      : { area: 'tables', severity: 'info', what: `There is no ${names}: migrate makes it.`, todo: null },
  ]
}
