/**
 * Commits that do not wait for the disk, and a PostgreSQL that is killed before it wrote them: the newest are gone, checkpoint and effect together, under a
 * learner that takes them for done. STRANDLINE_KILLS: how many kills (default 8).
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'
import { pino } from 'pino'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { loadModel } from '../../core/load-model.ts'
import type { Logger } from '../../core/logger.ts'
import { freePort } from '../../core/ports.ts'
import { withClient } from '../../core/store/client.ts'
import { migrate } from '../../core/store/migrate.ts'
import { createPostgresStore, type PostgresStore } from '../../core/store/postgres-store.ts'
import { type Postgres, startPostgres } from '../../embedded/postgres.ts'
import { prepareOwnCluster } from '../../services/supabase/api-role.ts'
import { closedTrade } from '../support/closed-trade.ts'
import type { TestDatabase } from '../support/database.ts'
import { createFeed, recordsOf } from '../support/feed.ts'
import { expectClose, folded, learned } from '../support/learned.ts'
import { createTestLearner, encodeEvent } from '../support/learner.ts'

const KILLS = Number(process.env.STRANDLINE_KILLS ?? 8)
/** Of one chunk. */
const CHUNK = 5
let folder: string
let port: number
let postgres: Postgres
let store: PostgresStore

const start = () =>
  startPostgres({
    dataDir: join(folder, 'postgres'),
    port,
    password: 'test-run-only',
    logFile: join(folder, 'postgres.log'),
    // what is committed lies in memory for seconds
    settings: { wal_writer_delay: '10s', wal_writer_flush_after: '1GB', fsync: 'off', shared_buffers: '32MB' },
    logger: pino({ level: 'silent' }) as Logger,
  })

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'strandline-lazy-'))
  port = await freePort()
  postgres = await start()
  await withClient(postgres.url(), (client) => prepareOwnCluster(client, 'test-run-only'))
  await migrate(postgres.url())
  store = createPostgresStore({ url: postgres.url(), timeoutMs: 10_000 })
})
afterAll(async () => {
  await store?.close()
  await postgres?.stop()
  await rm(folder, { recursive: true, force: true })
})

const sql = async <Row>(text: string) => {
  const client = new pg.Client({ connectionString: postgres.url(), options: '-c search_path=public,strandline' })
  await client.connect()
  try {
    return (await client.query(text)).rows as Row[]
  } finally {
    await client.end()
  }
}
const stored = async () =>
  Number((await sql<{ checkpoint: string | null }>('select checkpoint from consumer_checkpoints'))[0]?.checkpoint ?? 0)

test(`after ${KILLS} kills with the newest commits lost, every trade counts once`, async () => {
  const model = loadModel('lowcap-v4')
  const learner = await createTestLearner({ store, model, maxChunk: CHUNK, sync: false })
  const events = Array.from({ length: KILLS * 400 }, (_, i) =>
    closedTrade({ position_id: `p${i}`, trade_id: `t${i}`, rr: ((i * 7) % 41) / 10 - 1 }),
  )
  const records = recordsOf(events.map((event) => ({ key: event.position_id, value: encodeEvent(event) })))
  const feed = createFeed('pm.position-closed.v1', 0, records)
  const known = () => learner.runner.known().get(0) ?? 0
  let lost = 0
  let done = false

  const kills = (async () => {
    for (let i = 0; i < KILLS; i++) {
      const from = known()
      while (!done && known() < from + CHUNK * 10) await sleep(5) // in the midst of its work
      const before = known()
      process.kill(postgres.pid, 'SIGKILL')
      await postgres.stop().catch(() => {})
      postgres = await start()
      if ((await stored()) < before) lost++
    }
  })()
  for (let committed: number | null = null; ; ) {
    await feed.run(learner.runner, { batch: 50, committed, assign: committed === null })
    done = known() >= records.length
    await Promise.race([kills, sleep(1)])
    // what a running service's watch does where nothing is read any more (core/lag/consumer-watch.ts)
    const checkpoint = await stored().catch(() => null)
    if (checkpoint === null) continue
    if (checkpoint >= records.length && (await Promise.race([kills.then(() => true), sleep(1).then(() => false)])))
      break
    await learner.runner.rewind(0, checkpoint)
    committed = checkpoint
  }
  expect(lost).toBeGreaterThan(0) // otherwise nothing was shown
  expect(await sql('select count(*)::int as n from learner_ledger')).toEqual([{ n: events.length }])
  expectClose(await learned({ sql } as unknown as TestDatabase), await folded(model, [events]))
})
