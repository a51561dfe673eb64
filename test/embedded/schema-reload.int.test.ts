/** The endpoint reads the schema anew when it is told to, as PostgREST does: `notify pgrst, 'reload schema'`. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { until } from '../support/pm.ts'

let db: TestDatabase
beforeAll(async () => {
  db = await createTestDatabase()
})
afterAll(() => db?.drop())

const call = async (fn: string) => (await db.store.client.rpc(fn)).data as unknown
const make = (fn: string) =>
  `create function public.${fn}() returns int language sql as 'select 1'; grant execute on function public.${fn}() to service_role;`

test('a function that is made while it runs is found once the word was said', async () => {
  expect(await call('made_later')).toBeNull() // read now, and remembered
  await db.sql(`${make('made_later')} notify pgrst, 'reload schema'`)
  expect(
    await until(
      () => call('made_later'),
      (value) => value === 1,
    ),
  ).toBe(1)
})

test('a word that was missed is made up for once it listens again', async () => {
  expect(await call('made_unheard')).toBeNull()
  await db.sql(make('made_unheard'))
  await db.sql(
    `select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and query = 'listen pgrst'`,
  )
  expect(
    await until(
      () => call('made_unheard'),
      (value) => value === 1,
    ),
  ).toBe(1)
})
