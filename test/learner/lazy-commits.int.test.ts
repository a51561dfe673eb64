/**
 * Commits that do not wait for the disk, and a PostgreSQL that is killed before it wrote them: the newest are gone, checkpoint and effect together, under a
 * learner that takes them for done. STRANDLINE_KILLS: how many kills (default 8).
 */
import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { loadModel } from '../../core/load-model.ts'
import { withClient } from '../../core/store/client.ts'
import { migrate } from '../../core/store/migrate.ts'
import { createPostgresStore, type PostgresStore } from '../../core/store/postgres-store.ts'
import { prepareOwnCluster } from '../../services/supabase/api-role.ts'
import { closedTrade } from '../support/closed-trade.ts'
import type { TestDatabase } from '../support/database.ts'
import { createFeed, recordsOf } from '../support/feed.ts'
import { expectClose, folded, learned } from '../support/learned.ts'
import { createTestLearner, encodeEvent } from '../support/learner.ts'
import { type OwnPostgres, startOwnPostgres } from '../support/own-postgres.ts'

const KILLS = Number(process.env.STRANDLINE_KILLS ?? 8)
/** Of one chunk. */
const CHUNK = 5
let postgres: OwnPostgres
let store: PostgresStore

beforeAll(async () => {
  // what is committed lies in memory for seconds
  postgres = await startOwnPostgres({ wal_writer_delay: '10s', wal_writer_flush_after: '1GB' })
  await withClient(postgres.url, (client) => prepareOwnCluster(client, 'test-run-only'))
  await migrate(postgres.url)
  store = createPostgresStore({ url: postgres.url, timeoutMs: 10_000 })
})
afterAll(async () => {
  await store?.close()
  await postgres?.remove()
})

const sql = async <Row>(text: string) => {
  const client = new pg.Client({ connectionString: postgres.url, options: '-c search_path=public,strandline' })
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
      await postgres.kill()
      await postgres.restart()
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
