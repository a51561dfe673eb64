/** `close` and `import` as a person runs them, against a real database and a real Kafka. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { PositionClosed } from '../../domain/event.ts'
import type { Portfolio } from '../../services/pm/index.ts'
import { closedTrade } from '../support/closed-trade.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { createTestKafka, type TestKafka } from '../support/kafka.ts'
import { at, insertBars, openedPosition, outboxOf, testPortfolio } from '../support/pm.ts'
import { sharedData } from '../support/shared-data.ts'
import { runCommand } from '../support/strandline.ts'

let db: TestDatabase
let kafka: TestKafka
let pm: Portfolio
let dir: string
let topic: string
beforeAll(async () => {
  ;[db, kafka] = await Promise.all([createTestDatabase(), createTestKafka()])
  pm = testPortfolio(db)
  dir = await mkdtemp(join(tmpdir(), 'strandline-cli-'))
  topic = kafka.name('closed')
})
afterAll(async () => {
  await kafka?.close()
  await db?.drop()
  await rm(dir, { recursive: true, force: true })
})

/** Runs the command as a program of its own, in an empty folder. */
function strandline(...args: string[]) {
  const env = {
    SUPABASE_URL: db.supabaseUrl,
    SUPABASE_SERVICE_ROLE_KEY: db.key,
    KAFKA_BROKERS: kafka.brokers,
    SCHEMA_REGISTRY_URL: kafka.registryUrl,
    STRANDLINE_TOPIC: topic,
  }
  return runCommand(args, { cwd: dir, env })
}
/** Effective trades that the learners have in their ledgers. */
const learned = async () => Number((await db.sql<{ n: string }>('select count(*) as n from learner_ledger'))[0]!.n)
const inLog = async () => (await kafka.log.offsets(topic)).reduce((n, p) => n + p.end - p.start, 0)

test('close: the position is closed, its trade is in the log when the command ends, and the same id again changes nothing', async () => {
  const id = await openedPosition(pm)
  await insertBars(db, id, [[0, 95, 120]])
  const args = ['close', id, '--price', '110', '--at', at(30), '--id', 'by-hand']
  const closed = await strandline(...args)
  expect(closed).toMatchObject({
    code: 0,
    stdout: expect.stringMatching(/is closed\.[\s\S]*return \+10\.00 %[\s\S]*R\/R 2\.000, provisional: its last bar/),
  })
  expect((await outboxOf(db, id))[0]!.published_at).not.toBeNull()
  expect(await inLog()).toBe(1)
  const again = JSON.parse((await strandline(...args, '--json')).stdout)
  expect(again).toMatchObject({
    status: 'duplicate',
    left: 0,
    closed: { rr: 2, position_id: id, decision_type: 'trim', provisional: true },
  })
  expect(await inLog()).toBe(1)
})

test('close of a part says what is left, and nonsense is one sentence', async () => {
  const id = await openedPosition(pm)
  expect((await strandline('close', id, '--price', '110', '--quantity', '4')).stdout).toContain(
    'holds 6 tokens and stays open',
  )
  expect(await strandline('close', id, '--price', '0')).toMatchObject({
    code: 1,
    stdout: '',
    stderr: expect.stringContaining('price is 0'),
  })
  expect(await strandline('close', 'nobody', '--price', '1')).toMatchObject({
    code: 1,
    stderr: expect.stringContaining('There is no position nobody.'),
  })
  expect((await strandline('close', id)).code).toBe(2)
})

test('import jsonl: in the log and learned when the command ends; again, nothing is new', async () => {
  const before = await inLog()
  const lines = [1, 2, 3].map((n) => ({
    event_id: `e${n}`,
    exit_ts: at(n),
    timeframe: '1h',
    rr: n,
    entry_context: { curator: 'x', chain: 'base' },
  }))
  await writeFile(join(dir, 'events.jsonl'), lines.map((l) => JSON.stringify(l)).join('\n'))
  const first = await strandline('import', 'jsonl', 'events.jsonl', '--json')
  expect([first.code, JSON.parse(first.stdout).summary]).toMatchObject([0, { read: 3, new: 3, already_known: 0 }])
  expect(await inLog()).toBe(before + 3)
  const again = await strandline('import', 'jsonl', 'events.jsonl')
  expect(again.stdout).toContain('0 new, 3 already known')
  expect(await inLog()).toBe(before + 3)
  expect(await learned()).toBe(before + 3)
})

test('regression: what an import says of learning is so, and it says how to look', async () => {
  const line = (event_id: string, changes = {}) => ({
    event_id,
    exit_ts: at(1),
    timeframe: '1h',
    rr: 1,
    entry_context: { curator: 'y' },
    ...changes,
  })
  const lines = [line('s1'), line('s2', { rr: null }), line('s3', { entry_context: { strategy: 'x' } })]
  await writeFile(join(dir, 'said.jsonl'), lines.map((l) => JSON.stringify(l)).join('\n'))
  const own = await strandline('import', 'jsonl', 'said.jsonl')
  expect(own.stdout).toContain('Learned under lowcap-v4: 2 trades count in its coefficients, 1 without an R/R in none.')
  expect(own.stdout).toContain('lowcap-v4 is the active model')

  // the same trades under a model that readers do not see
  const other = await strandline('import', 'jsonl', 'said.jsonl', '--model', 'freqtrade')
  expect(other.stdout).toContain('Learned under freqtrade: 2 trades count in its coefficients')
  expect(other.stdout).toContain('Look at it: ./strandline coefficients --model freqtrade')
  expect(other.stdout).toContain(
    'Allocations follow lowcap-v4, not freqtrade. To switch: ./strandline promote freqtrade',
  )
  const { summary } = JSON.parse(
    (await strandline('import', 'jsonl', 'said.jsonl', '--model', 'freqtrade', '--json')).stdout,
  )
  expect(summary).toMatchObject({
    model: 'freqtrade',
    active_model: 'lowcap-v4',
    learned: { scored: 2, unscored: 1, not_learned: [] },
  })
})

test('regression: trades that the model does not learn are named, with the reason', async () => {
  const line = {
    event_id: 'n1',
    position_id: 'p-n1',
    trade_id: 't-n1',
    source: 'import:freqtrade',
    exit_ts: at(1),
    timeframe: '1h',
    rr: 1,
    entry_context: {},
  }
  await writeFile(join(dir, 'other.jsonl'), JSON.stringify(line))
  const { stdout, code } = await strandline('import', 'jsonl', 'other.jsonl')
  expect(stdout).toContain('Learned under lowcap-v4: 0 trades count')
  expect(stdout).toContain(
    'not learned: p-n1 t-n1: it is of the source import:freqtrade, from which lowcap-v4 does not learn.',
  )
  expect(code).toBe(0)
})

test('regression: an import of what the log has under another name says so, and what became of it', async () => {
  const [opened_at, closed_at] = [Date.parse(at(1)), Date.parse(at(2))]
  const theirs = closedTrade({ position_id: 'other-name', trade_id: `entry-${opened_at}`, opened_at, closed_at })
  const line = { event_id: 'named', position_id: theirs.position_id, trade_id: 'T', opened_at: at(1), exit_ts: at(2) }
  await writeFile(join(dir, 'first.jsonl'), jsonlOf(theirs))
  await writeFile(join(dir, 'named.jsonl'), JSON.stringify({ ...line, timeframe: '1h', rr: 1, entry_context: {} }))
  expect(await strandline('import', 'jsonl', 'first.jsonl')).toMatchObject({ code: 0 })
  const { stdout } = await strandline('import', 'jsonl', 'named.jsonl')
  expect(stdout).toContain('0 new, 1 already known.')
  expect(stdout).toContain('The log has 1 trade of these under another name')
  expect(stdout).toContain('Learned under lowcap-v4: 1 trade counts in its coefficients')
  expect(stdout).not.toContain('not learned')

  expect(await strandline('void', theirs.event_id, '--reason', 'wrong', '--yes')).toMatchObject({ code: 0 })
  const { summary } = JSON.parse((await strandline('import', 'jsonl', 'named.jsonl', '--json')).stdout)
  expect(summary).toMatchObject({
    already_known: 1,
    under_another_name: 1,
    learned: { scored: 0, not_learned: [{ trade_id: 'T', why: expect.stringContaining('retracted') }] },
  })
})

function jsonlOf({ opened_at, closed_at, ...event }: PositionClosed): string {
  const [opened, exit_ts] = [opened_at, closed_at].map((ms) => new Date(ms).toISOString())
  return JSON.stringify({ ...event, opened_at: opened, exit_ts })
}

const backtest = sharedData('data/freqtrade-backtest-result.json')
const candles = sharedData('data/candles')
test.skipIf(!backtest || !candles)(
  'import freqtrade: 94 trades, twice imported is once counted, and what they came to after fees is learned',
  async () => {
    const before = await inLog()
    const args = ['import', 'freqtrade', backtest!, '--candles', candles!, '--json']
    const [first, again] = [await strandline(...args), await strandline(...args)]
    const { stdout: said } = await strandline(...args.slice(0, -1))
    expect(said).toMatch(/ETH\/BTC +21 +1\.103 +0\.095\n/)
    expect(said).toContain('94 trades count in its coefficients, 0 without a net return in none.')
    expect(said).toMatch(/freqtrade-return now: net return 0\.020 % over 94 trades\./)
    expect(JSON.parse(first.stdout)).toMatchObject({
      trades: { length: 94 },
      summary: { read: 94, new: 94, already_known: 0, scored: 94, model: 'freqtrade-return', learned: { scored: 94 } },
    })
    expect(JSON.parse(again.stdout).summary).toMatchObject({ new: 0, already_known: 94 })
    expect(await inLog()).toBe(before + 94)
  },
)
