/** Takes a guard out of a database's functions, to prove that the tests notice. */
import { readMigrations } from '../../core/store/migrate.ts'
import type { TestDatabase } from './database.ts'

export type Guard = 'ledger' | 'fence'

/** Text of a function as the migrations define it. */
async function definitionOf(name: string): Promise<string> {
  const sql = (await readMigrations()).map((m) => m.sql).join('\n')
  const found = [
    ...sql.matchAll(
      new RegExp(`create (or replace )?function ${name.replace('.', '\\.')}\\([\\s\\S]*?\\n\\$\\$;`, 'g'),
    ),
  ]
  const text = found.at(-1)?.[0]
  if (!text) throw new Error(`no migration defines ${name}`)
  return text.replace(/^create (or replace )?/, 'create or replace ')
}

function cut(text: string, guard: string, without: string): string {
  if (!text.includes(guard)) throw new Error(`the guard is not where this test takes it out: ${guard}`)
  return text.replace(guard, without)
}

/**
 * - `ledger`: what is in the ledger is not told, and does not get into the way, by key or by look-up.
 * - `fence`: every claim is as good as the newest, and no state is ever stale.
 */
export async function removeGuard(db: TestDatabase, guard: Guard): Promise<void> {
  if (guard === 'fence') {
    const fence = await definitionOf('strandline.fence')
    await db.sql(cut(cut(fence, "return 'fenced'", "return 'ok'"), "return 'stale'", "return 'ok'"))
    return
  }
  await db.sql('alter table strandline.learner_ledger drop constraint learner_ledger_pkey') // what stops rows that are copied in
  await db.sql(
    cut(await definitionOf('strandline.learner_commit'), 'p_levers) u;', 'p_levers) u on conflict do nothing;'),
  )
  await db.sql(
    cut(await definitionOf('public.strandline_learner_read'), 'unnest(p_ids::uuid[])', "unnest('{}'::uuid[])"),
  )
}
