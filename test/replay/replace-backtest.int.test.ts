/** A backtest that was run again replaces the one that was imported before; then the earlier one that one; and a person's word stays. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { ImportSummary } from '../../cli/import-text.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { createTestKafka, type TestKafka } from '../support/kafka.ts'
import { createStage, type Stage } from '../support/kafka-learner.ts'
import { runCommand } from '../support/strandline.ts'

let db: TestDatabase
let kafka: TestKafka
let stage: Stage
let dir: string
beforeAll(async () => {
  ;[db, kafka] = await Promise.all([createTestDatabase(), createTestKafka()])
  dir = await mkdtemp(join(tmpdir(), 'strandline-replace-'))
  stage = await createStage(db, kafka, { partitions: 3 })
})
afterAll(async () => {
  await kafka?.close()
  await db?.drop()
  await rm(dir, { recursive: true, force: true })
})

const MINUTE = 60_000
const START = Date.parse('2026-03-01T00:00:00Z')
const trade = (hour: number, profit_ratio: number) => ({
  pair: 'ETH/BTC',
  open_timestamp: START + hour * 60 * MINUTE,
  close_timestamp: START + hour * 60 * MINUTE + 10 * MINUTE,
  open_rate: 100,
  close_rate: 100 + 100 * profit_ratio,
  profit_ratio,
  stake_amount: 10,
  enter_tag: 'dip',
})
const tested = { timeframe: '5m', pairlist: ['ETH/BTC'], backtest_start_ts: START, backtest_end_ts: START + 86_400_000 }
const FIRST = {
  Dip: { ...tested, trades: [trade(1, 0.01), trade(2, 0.02), trade(3, 0.03), trade(4, 0.04)] },
  Rip: { ...tested, trades: [trade(1, 0.05)] },
}
const SECOND = { Dip: { ...tested, trades: [trade(1, 0.01), trade(2, -0.02), trade(4, 0.04), trade(5, 0.06)] } }

const strandline = (...args: string[]) =>
  runCommand(args, {
    cwd: dir,
    env: {
      SUPABASE_URL: db.supabaseUrl,
      SUPABASE_SERVICE_ROLE_KEY: db.key,
      KAFKA_BROKERS: kafka.brokers,
      SCHEMA_REGISTRY_URL: kafka.registryUrl,
      STRANDLINE_TOPIC: stage.topic,
      STRANDLINE_CACHE_DIR: dir,
    },
  })
async function importing(strategy: object, ...more: string[]) {
  const file = join(dir, 'backtest.json')
  await writeFile(file, JSON.stringify({ strategy }))
  return strandline('import', 'freqtrade', file, '--candles', dir, '--unscored', '--json', ...more)
}
async function imported(strategy: object, ...more: string[]): Promise<ImportSummary> {
  const { code, stdout, stderr } = await importing(strategy, '--yes', ...more)
  expect(code, stderr).toBe(0)
  return JSON.parse(stdout).summary
}

interface Trade {
  event_id: string
  outcome: number
  closed_at: string
}
async function counting(): Promise<Trade[]> {
  const { stdout, stderr } = await strandline('trades', '--model', 'freqtrade-return', '--json')
  expect(stderr).not.toMatch(/rror/)
  return JSON.parse(stdout).trades
}
const outcomes = async () => (await counting()).map((t) => t.outcome).sort((a, b) => a - b)
const learnedCount = async () =>
  JSON.parse((await strandline('coefficients', '--model', 'freqtrade-return', '--json')).stdout).global_rr.n

test('it is asked before trades are replaced, and nothing is, where nobody answers', async () => {
  expect(await imported(FIRST)).toMatchObject({ new: 5, already_known: 0, changed: 0, retracted: 0, kept: 0 })
  expect(await imported(FIRST)).toMatchObject({ new: 0, already_known: 5, changed: 0, retracted: 0, kept: 0 })
  expect(await outcomes()).toEqual([0.01, 0.02, 0.03, 0.04, 0.05])

  const { code, stderr } = await importing(SECOND)
  expect(code).toBe(2)
  expect(stderr).toMatch(
    /2 are the same, 1 are new or lacked something, 1 came out otherwise and are replaced, 1 are in/,
  )
  expect(stderr).toMatch(/2026-03-01 03:00 +ETH\/BTC .* retracted/)
  expect(stderr).toMatch(
    /There is no terminal to ask on: nothing was changed\. Look at it with --dry-run, then say --yes/,
  )
  const dry = JSON.parse((await importing(SECOND, '--dry-run')).stdout).summary
  expect(dry).toMatchObject({ dry_run: true, new: null, changed: 1, retracted: 1, kept: 0 })
  expect(await outcomes()).toEqual([0.01, 0.02, 0.03, 0.04, 0.05])
})

test('replaced, its trades count as they came out now, others as before, and each once', async () => {
  expect(await imported(SECOND)).toMatchObject({ new: 1, already_known: 2, changed: 1, retracted: 1, kept: 0 })
  expect(await outcomes()).toEqual([-0.02, 0.01, 0.04, 0.05, 0.06])
  expect(await learnedCount()).toBe(5)
  expect(await imported(SECOND)).toMatchObject({ new: 0, already_known: 4, changed: 0, retracted: 0 })
})

test('the earlier run, imported again, is what counts again', async () => {
  expect(await imported(FIRST)).toMatchObject({ new: 0, already_known: 3, changed: 2, retracted: 1, kept: 0 })
  expect(await outcomes()).toEqual([0.01, 0.02, 0.03, 0.04, 0.05])
  expect(await learnedCount()).toBe(5)
})

test('what a person has retracted stays so', async () => {
  const mine = (await counting()).find((t) => t.outcome === 0.04)
  expect((await strandline('void', mine!.event_id, '--reason', 'a bad candle', '--yes')).code).toBe(0)
  expect(await imported(SECOND)).toMatchObject({ changed: 2, retracted: 1, kept: 1 })
  expect(await outcomes()).toEqual([-0.02, 0.01, 0.05, 0.06])
})
