/** Takes Strandline out of a database again (undo.sql). */
import { readFile } from 'node:fs/promises'
import { LockOrder, SHARED_TABLES } from '../core/store/lock-order.ts'
import { MIGRATION_TURN, readMigrations } from '../core/store/migrate.ts'
import { ACTIVATION_TURN, inTransaction, LIMITS } from './transaction.ts'

export interface UndoOptions {
  /** Also with closed trades that are not in the log yet. */
  loseUnpublished?: boolean
  /** Also with tables that Strandline made and that hold what is nowhere else. */
  dropData?: boolean
  /** Strands that the projector wrote stay, as rows like any other; with their table, also where Strandline made it. */
  keepStrands?: boolean
}

export interface UndoPlan {
  /** Services that run against the database, which have to be stopped first: `pm (host, process 12)`. */
  running: string[]
  /** Tables whose readers see what is learned. */
  switched: string[]
  /** Closed trades that are not in the log yet. */
  unpublished: number
  /** Rows of ad_strands that the projector wrote. */
  strands: number
  /** Tables that were not here before Strandline, and how many rows they hold. */
  made: { table: string; rows: number }[]
  /** What was added to tables that were here: `column lowcap_positions.side`. */
  added: string[]
}

/** What an undo would take away; nothing is changed. Errors: as inTransaction(). */
export function planUndo(databaseUrl: string): Promise<UndoPlan> {
  return inTransaction(databaseUrl, async (client) => {
    const one = async <T>(text: string) => (await client.query<{ it: T }>(text)).rows.map((r) => r.it)
    const made: UndoPlan['made'] = []
    for (const table of await one<string>(
      `select table_name as it from strandline.adopted where not existed and table_name <> 'learning_coefficients'
         and to_regclass('public.' || table_name) is not null order by 1`,
    ))
      made.push({ table, rows: (await one<number>(`select count(*)::int as it from public.${table}`))[0]! })
    return {
      running: await one(`select format('%s (%s)', service, place) as it from strandline.running_services order by 1`),
      switched: await one(
        'select name as it from strandline.readers where ours and not strandline.made(name) order by 1',
      ),
      unpublished: (
        await one<number>('select count(*)::int as it from strandline.pm_outbox where published_at is null')
      )[0]!,
      strands: (
        await one<number>(
          'select count(*)::int as it from strandline.strands where not adopted and strand_id is not null',
        )
      )[0]!,
      made,
      added: await one(
        `select kind || ' ' || case when kind = 'column' then table_name || '.' else '' end || object as it from strandline.added order by 1`,
      ),
    }
  })
}

/** Errors: as inTransaction(). */
export function undo(databaseUrl: string, options: UndoOptions = {}): Promise<void> {
  const locks = lockOrder()
  return inTransaction(databaseUrl, async (client) => {
    for (const turn of TURNS) await client.query(turn)
    await locks.lock(client)
    for (const statement of await settings(options)) await client.query(statement)
    await client.query(await script())
  })
}

/** The same, for an SQL editor. */
export async function undoSql(options: UndoOptions = {}): Promise<string> {
  return `${['begin', ...LIMITS, ...TURNS, ...lockOrder().statements(), ...(await settings(options))].join(';\n')};\n\n${await script()}commit;\n`
}

const TURNS = [MIGRATION_TURN, ACTIVATION_TURN]

/** Whoever closes a trade waits for us from here on, and then finds no function to close it with. */
const lockOrder = () => new LockOrder([...SHARED_TABLES, 'strandline.pm_outbox'], 'access exclusive')

const settings = async ({ loseUnpublished, dropData, keepStrands }: UndoOptions): Promise<string[]> => [
  `set local strandline.versions = '${(await readMigrations()).map((m) => m.version)}'`,
  ...(loseUnpublished ? [`set local strandline.lose_unpublished = 'on'`] : []),
  ...(dropData ? [`set local strandline.drop_data = 'on'`] : []),
  ...(keepStrands ? [`set local strandline.keep_strands = 'on'`] : []),
]

const script = () => readFile(new URL('undo.sql', import.meta.url), 'utf8')
