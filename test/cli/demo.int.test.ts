/** Where the demo does not trade. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { addToOutbox } from '../../core/store/outbox-store.ts'
import { closedTrade } from '../support/closed-trade.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { runningStack } from '../support/running-stack.ts'
import { runCommand } from '../support/strandline.ts'

let db: TestDatabase
let dir: string
let release: () => Promise<void>
const NOWHERE = 'http://127.0.0.1:1'

/** A stack that runs in a folder, as commands see it; nobody may reach its services. */
async function stackIn(folder: string, more: Record<string, string> = {}): Promise<void> {
  release = await runningStack(
    join(dir, folder),
    {
      KAFKA_BROKERS: '127.0.0.1:1',
      SCHEMA_REGISTRY_URL: NOWHERE,
      SUPABASE_URL: db.supabaseUrl,
      SUPABASE_SERVICE_ROLE_KEY: db.key,
      DATABASE_URL: db.databaseUrl,
      ...more,
    },
    { pm: NOWHERE, learner: NOWHERE, projector: NOWHERE, decision: NOWHERE },
  )
}
beforeEach(async () => {
  db = await createTestDatabase()
  dir = await mkdtemp(join(tmpdir(), 'strandline-demo-'))
})
afterEach(async () => {
  await release?.()
  await db?.drop()
  await rm(dir, { recursive: true, force: true })
})

const demo = (...args: string[]) => runCommand(['demo', '--positions', '5', ...args], { cwd: dir })

const REAL = {
  'a position': () => db.sql(`insert into lowcap_positions (id, timeframe) values ('real-1', '1h')`),
  'an imported trade': () => addToOutbox(db.store, [closedTrade({ position_id: 'real-1' })]),
  'a strand of the old system': () =>
    db.sql(`insert into ad_strands (id, kind, position_id) values ('s', 'position_closed', 'real-1')`),
  'a strand of its older shape': () =>
    db.sql(`insert into ad_strands (id, kind, content) values ('s', 'position_closed', '{"position_id": "real-1"}')`),
}

test.each(Object.keys(REAL) as (keyof typeof REAL)[])(
  'regression: a running stack that holds %s which the demo did not make is refused, and nothing is written into it',
  async (what) => {
    await stackIn('stack')
    await REAL[what]()
    const { code, stderr } = await demo('--data-dir', 'stack')
    expect(code).toBe(1)
    expect(stderr).toMatch(
      /The stack of stack holds trades that the demo did not make \(\w+: (real-1|a strand of the system before)\)/,
    )
    expect(await db.sql(`select id from lowcap_positions where id like 'demo-%'`)).toEqual([])
    expect(await db.sql('select 1 from lowcap_price_data_ohlc')).toEqual([])
    expect(await db.sql('select 1 from model_versions')).toEqual([])
  },
)

test('regression: the demo has a folder of its own, not that of `up`', async () => {
  await stackIn('.strandline-demo')
  await REAL['a position']()
  const { stderr } = await demo()
  expect(stderr).toMatch(/^Stack: .*\/\.strandline-demo \(running/)
  expect(stderr).toMatch(/holds trades that the demo did not make/)
})

test('its own trades are no reason to refuse: it goes on to trade', async () => {
  await stackIn('stack')
  await db.sql(`insert into lowcap_positions (id, timeframe) values ('demo-x-1', '1h')`)
  await addToOutbox(db.store, [closedTrade({ position_id: 'demo-x-1' })])
  const { stderr } = await demo('--data-dir', 'stack')
  expect(stderr).not.toMatch(/did not make/)
  expect(await db.sql('select 1 from lowcap_price_data_ohlc limit 1')).toHaveLength(1)
})

test('says where to look on while it trades, where the stack has a page', async () => {
  await stackIn('stack', { STRANDLINE_PAGE_URL: 'http://127.0.0.1:7306/' })
  const { stderr, code } = await demo('--data-dir', 'stack')
  expect(stderr.split('\n')).toContain('Look on: http://127.0.0.1:7306/')
  expect(stderr.indexOf('Look on: ')).toBeLessThan(stderr.indexOf('price bars'))
  expect(code).toBe(1) // nobody is there who would open its positions
})
