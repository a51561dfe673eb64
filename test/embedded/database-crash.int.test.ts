/** What becomes of the Supabase endpoint when the connections to PostgreSQL die under it: every request is answered, and it is as before afterwards. */
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createStore } from '../../core/store/store.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'

let db: TestDatabase
const uncaught: unknown[] = []
const note = (error: unknown) => void uncaught.push(error)
beforeAll(async () => {
  db = await createTestDatabase()
  process.on('uncaughtException', note)
})
afterAll(async () => {
  process.off('uncaughtException', note)
  await db?.stop()
})

test('regression (postgres.js #1208): connections that die between two statements neither end the process nor stay dead in the pool', async () => {
  // An answer that got lost is waited for this long.
  const store = createStore({ url: db.supabaseUrl, key: db.key, timeoutMs: 5_000 })
  const ask = () => store.rpc('strandline_position', { p_consumer: 'nobody', p_topic: 't', p_partition: 0 })
  let asking = true
  const workers = Array.from({ length: 24 }, async () => {
    let failed = 0
    while (asking) await ask().catch(() => failed++)
    return failed
  })
  for (let i = 0; i < 40; i++) {
    await sleep(50)
    await db.sql(
      `select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'strandline-supabase' and datname = current_database()`,
    )
  }
  asking = false
  const failed = (await Promise.all(workers)).reduce((a, b) => a + b)
  expect(failed).toBeGreaterThan(0) // otherwise nothing was interrupted
  expect(uncaught).toEqual([])
  await sleep(500) // the news of a death travels
  const answers = await Promise.allSettled(Array.from({ length: 200 }, ask))
  expect(answers.filter((a) => a.status === 'rejected')).toEqual([])
})
