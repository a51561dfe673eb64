/**
 * What becomes of the Supabase endpoint when PostgreSQL dies under it. It runs in a process of its own, started as a person starts it: what keeps it alive
 * must be there without vitest.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { freePort } from '../../core/ports.ts'
import { withClient } from '../../core/store/client.ts'
import { createPostgrestStore } from '../../core/store/postgrest-store.ts'
import type { Store } from '../../core/store/store.ts'
import { type OwnPostgres, startOwnPostgres } from '../support/own-postgres.ts'
import { PATIENCE_MS } from '../support/patience.ts'
import { type RunningCommand, startCommand } from '../support/strandline.ts'

const KEY = 'sb_secret_of_this_test_only'
const ENDPOINT = 'strandline-supabase'
let postgres: OwnPostgres
let endpoint: RunningCommand
let store: Store

beforeEach(async () => {
  postgres = await startOwnPostgres()
  const http = await freePort()
  endpoint = startCommand(['supabase', '--port', String(http)], {
    env: { DATABASE_URL: postgres.url, SUPABASE_SERVICE_ROLE_KEY: KEY, LOG_LEVEL: 'info' },
  })
  await endpoint.says('Supabase listens on')
  store = createPostgrestStore({ url: `http://127.0.0.1:${http}`, key: KEY, timeoutMs: PATIENCE_MS })
})
afterEach(async () => {
  endpoint.child.kill('SIGTERM')
  await endpoint.ended
  await postgres.remove()
})

/** Reads and writes, in transactions of several statements, large enough to be on their way when the end comes. */
let claims = 0
const ask = () =>
  store.rpc('strandline_claim', {
    p_consumer: `nobody-${++claims % 50}`,
    p_topic: 't'.repeat(200),
    p_partition: 0,
    p_holder: 'h',
  })

async function answered(): Promise<void> {
  for (;;) {
    if (endpoint.child.exitCode !== null) throw new Error(`the endpoint ended: ${endpoint.stderr().slice(-2_000)}`)
    if (
      await ask().then(
        () => true,
        () => false,
      )
    )
      return
    await sleep(20)
  }
}

/** Runs `harm` again and again under load; returns what each failed request said. */
async function underLoad(times: number, harm: (round: number) => Promise<void>): Promise<string[]> {
  let asking = true
  const failures: string[] = []
  const workers = Array.from({ length: 24 }, async () => {
    while (asking)
      await ask().catch(async (error: Error) => {
        failures.push(error.message)
        await sleep(5)
      })
  })
  for (let i = 0; i < times; i++) {
    await answered()
    await sleep(10 + Math.random() * 60) // somewhere in the middle of what they do
    await harm(i)
  }
  asking = false
  await Promise.all(workers)
  return failures
}

async function expectWell(failures: string[]): Promise<void> {
  expect(endpoint.child.exitCode).toBe(null)
  expect(failures.length).toBeGreaterThan(0) // otherwise nothing was interrupted
  // Nothing that a service would take for a refusal: whoever asked must know that it may have happened.
  expect(failures.filter((said) => !said.startsWith('No answer from the database'))).toEqual([])
  expect(failures.filter((said) => said.includes('no answer within'))).toEqual([])
  await answered()
  const answers = await Promise.allSettled(Array.from({ length: 200 }, ask))
  expect(answers.filter((a) => a.status === 'rejected')).toEqual([])
}

test('regression: in a plain process, connections that PostgreSQL ends under load neither end it nor stay dead in its pool', async () => {
  const failures = await underLoad(20, () =>
    withClient(postgres.url, async (client) => {
      await client.query('select pg_terminate_backend(pid) from pg_stat_activity where application_name = $1', [
        ENDPOINT,
      ])
    }),
  )
  await expectWell(failures)
})

test('regression: in a plain process, SIGKILL of the postmaster and of single backends under load does not end it, and it goes on when PostgreSQL is back', async () => {
  const failures = await underLoad(6, async (round) => {
    if (round % 3 === 2) {
      // PostgreSQL starts itself anew when a backend dies like this.
      await withClient(postgres.url, async (client) => {
        const { rows } = await client.query<{ pid: number }>(
          `select pid from pg_stat_activity where application_name = $1 order by state = 'active' desc limit 1`,
          [ENDPOINT],
        )
        process.kill(rows[0]!.pid, 'SIGKILL')
      })
      return
    }
    await postgres.kill()
    await postgres.restart()
  })
  await expectWell(failures)
})

test('regression: what is on its way while the endpoint reads a schema, its first or a changed one, is told that there was no answer', async () => {
  const said: string[] = []
  for (const reread of [false, true, true]) {
    if (reread) await withClient(postgres.url, (client) => client.query(`notify pgrst, 'reload schema'`))
    const asked = Array.from({ length: 100 }, () => ask().catch((error: Error) => said.push(error.message)))
    await sleep(20)
    await postgres.kill()
    await Promise.all(asked)
    await postgres.restart()
    await answered()
  }
  await expectWell(said)
})
