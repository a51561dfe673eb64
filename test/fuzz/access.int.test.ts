/** Who has no key, or another one, gets nothing of anything that the database's catalog lists. */
import { afterAll, expect, test } from 'vitest'
import { tryAccess } from '../../fuzz/access/run.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'

let db: TestDatabase
afterAll(() => db?.stop())

const access = () => tryAccess({ databaseUrl: db.databaseUrl, supabaseUrl: db.supabaseUrl, key: db.key })

test('anon, authenticated and every stranger at the endpoint read nothing and change nothing, whatever is there', async () => {
  db = await createTestDatabase()
  const { relations, functions, failures } = await access()
  expect(failures).toEqual([])
  expect([relations, functions]).toEqual([expect.any(Number), expect.any(Number)])
})

test('what is made tomorrow and left open is found: this test can fail', async () => {
  await db.sql(
    `create table public.forgotten (id int); create function public.open_door() returns int language sql as 'select 1'`,
  )
  const { failures } = await access()
  const found = failures.map((f) => f.problem)
  expect(found).toContainEqual(expect.stringMatching(/^anon: select \* from "public"\."forgotten"/))
  expect(found).toContainEqual(expect.stringMatching(/^authenticated: select "public"\."open_door"/))
})
