/** A database URL and an API that do not lead to the same database: each alone is well, and together trades go where nobody looks. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { systemClock } from '../../core/clock.ts'
import { readLoopConfig } from '../../core/config.ts'
import { examine } from '../../doctor/doctor.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { logger } from '../support/pm.ts'

let one: TestDatabase
let other: TestDatabase
beforeAll(async () => {
  one = await createTestDatabase()
  other = await createTestDatabase()
})
afterAll(() => Promise.all([one?.drop(), other?.drop()]))

const settings = async (databaseUrl: string) => {
  const supabase = { url: one.supabaseUrl, key: one.key }
  const targets = {
    name: 'test',
    databaseUrl,
    supabase,
    config: readLoopConfig({}),
    services: {},
    headers: {},
    findings: [],
  }
  const { findings } = await examine(targets, { clock: systemClock, logger })
  return findings.filter((f) => f.area === 'settings').map((f) => [f.severity, f.what])
}

test('SUPABASE_URL in front of another database is an error, and of the same one is none', async () => {
  expect(await settings(other.databaseUrl)).toEqual([
    ['error', 'DATABASE_URL and SUPABASE_URL name two different databases.'],
  ])
  expect(await settings(one.databaseUrl)).toEqual([])
})
