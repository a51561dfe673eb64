/** What the log says of any moment, through the cache and the commands, against folds of just those trades and what the learner has. */
import { mkdtemp, readdir, rm, truncate } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { loadModel } from '../../core/load-model.ts'
import { freePort } from '../../core/ports.ts'
import { seeded } from '../../core/random.ts'
import type { PositionClosed } from '../../domain/event.ts'
import { coefficientsAt } from '../../domain/history/coefficients-at.ts'
import type { Cut } from '../../domain/history/cut.ts'
import { createOfflineFold, type FoldedLog } from '../../domain/learning/offline.ts'
import { type HistoryDeps, type OpenHistory, openHistory } from '../../replay/open-history.ts'
import { closedTrade } from '../support/closed-trade.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { createTestKafka, type TestKafka } from '../support/kafka.ts'
import { createStage, type Stage } from '../support/kafka-learner.ts'
import { expectClose } from '../support/learned.ts'
import { PATIENCE_MS } from '../support/patience.ts'
import { runCommand, startCommand } from '../support/strandline.ts'

const DAY = 86_400_000
const START = Date.UTC(2025, 5, 1)
const TRADES = 1_500
const model = loadModel('lowcap-v4')

interface Published {
  event: PositionClosed
  partition: number
  offset: number
}

let db: TestDatabase
let kafka: TestKafka
let stage: Stage
let dir: string
let deps: HistoryDeps
/** The log as it was written, by partition and offset. */
const published: Published[] = []

beforeAll(async () => {
  ;[db, kafka] = await Promise.all([createTestDatabase(), createTestKafka()])
  dir = await mkdtemp(join(tmpdir(), 'strandline-moments-'))
  stage = await createStage(db, kafka, { partitions: 3 })
  const events = marketOf(TRADES)
  // corrections and voids of trades of the first half, some of them in another partition than the trade
  await publish(events.slice(0, TRADES / 2))
  await publish(
    events.slice(0, 60).map((e, i) => ({ ...e, revision: 1, voided: i % 3 === 0, rr: i % 3 === 1 ? -1 : 2 })),
    1,
  )
  await publish(events.slice(TRADES / 2))
  await publish(events.slice(20, 30).map((e) => ({ ...e, revision: 2, rr: 5, closed_at: e.closed_at + DAY })))
  await stage.catchUp()
  deps = { store: db.store, log: kafka.log, config: stage.config, cacheDir: join(dir, 'history') }
})
afterAll(async () => {
  await kafka?.close()
  await db?.drop()
  await rm(dir, { recursive: true, force: true })
})

function marketOf(trades: number): PositionClosed[] {
  const random = seeded(13)
  const one = <T>(of: readonly T[]) => of[Math.floor(random() * of.length)] as T
  return Array.from({ length: trades }, (_, i) =>
    closedTrade({
      position_id: `moment-${i}`,
      closed_at: START + Math.floor(random() * 500) * DAY,
      opened_at: START,
      rr: random() < 0.02 ? null : random() * 8 - 3,
      levers: {
        curator: one(['alice', 'bob', 'carol', 'dan|%']),
        chain: one(['base', 'solana']),
        intent: one(['a', 'b']),
      },
      measures: {},
    }),
  )
}

async function publish(events: PositionClosed[], partition?: number): Promise<void> {
  const places = await stage.publish(events, partition)
  for (const [i, event] of events.entries())
    published.push({ event, ...(places[i] as { partition: number; offset: number }) })
}

/** The slow way: the newest revision of each trade among the records of that moment, folded one after the other. */
async function folded({ closedUntil, below }: Cut): Promise<FoldedLog> {
  const newest = new Map<string, PositionClosed>()
  for (const { event, partition, offset } of published) {
    if (offset >= (below?.get(partition) ?? Number.POSITIVE_INFINITY)) continue
    const known = newest.get(event.event_id)
    if (!known || event.revision > known.revision) newest.set(event.event_id, event)
  }
  const fold = createOfflineFold(model)
  for (const event of newest.values())
    if (closedUntil === undefined || event.closed_at <= closedUntil) await fold.add([event])
  return fold.result()
}

const at = (opened: OpenHistory, cut: Cut) => coefficientsAt(opened.history, opened.effective(cut), model)

/** Runs the command as a program of its own. */
const strandline = (...args: string[]) => runCommand(args, { cwd: dir, env: env() })
const env = () => ({
  SUPABASE_URL: db.supabaseUrl,
  SUPABASE_SERVICE_ROLE_KEY: db.key,
  KAFKA_BROKERS: kafka.brokers,
  SCHEMA_REGISTRY_URL: kafka.registryUrl,
  STRANDLINE_TOPIC: stage.topic,
  STRANDLINE_CACHE_DIR: dir,
})

const json = async (...args: string[]) => {
  const { code, stdout, stderr } = await strandline(...args, '--json')
  expect(code, stderr).toBe(0)
  return JSON.parse(stdout)
}

test('at twenty moments it is the fold of what was closed by then, corrections and voids on either side', async () => {
  const opened = await openHistory(deps)
  const random = seeded(7)
  for (let i = 0; i < 20; i++) {
    const closedUntil = START + Math.floor(random() * 510) * DAY
    expectClose(at(opened, { closedUntil }), await folded({ closedUntil }))
  }
  expectClose(at(opened, {}), await folded({}))
})

test('below given offsets it is the fold of the log up to there', async () => {
  const opened = await openHistory(deps)
  const random = seeded(8)
  for (let i = 0; i < 20; i++) {
    const below = new Map([...opened.ends].map(([partition, end]) => [partition, Math.floor(random() * (end + 1))]))
    expectClose(at(opened, { below }), await folded({ below }))
  }
})

test('at a time it is what the log had taken in by then', async () => {
  const opened = await openHistory(deps)
  const { taken_at } = opened.history.record(Math.floor(opened.history.length / 2))
  const mine = new Set<string>()
  for (let row = 0; row < opened.history.length; row++) {
    const record = opened.history.record(row)
    if (record.taken_at <= taken_at) mine.add(`${record.partition}/${record.offset}`)
  }
  const fold = createOfflineFold(model)
  for (const { event, partition, offset } of published) if (mine.has(`${partition}/${offset}`)) await fold.add([event])
  expect(mine.size).toBeLessThan(published.length)
  expectClose(at(opened, { takenUntil: taken_at }), fold.result())
})

test('what is read once comes from the cache, and a cache that is damaged or of another log is not believed', async () => {
  const first = await openHistory(deps)
  const again = await openHistory(deps)
  expect(again.read).toBe(0)
  expect(at(again, {})).toEqual(at(first, {}))
  const folder = deps.cacheDir as string
  const [file] = await readdir(folder)
  await truncate(join(folder, file as string), 5_000)
  expect((await openHistory(deps)).read).toBe(published.length)
  const other = await createStage(db, kafka, { partitions: 3 })
  await other.publish(marketOf(10))
  expect((await openHistory({ ...deps, config: other.config }, 'lowcap-v4')).topic).toBe(stage.topic) // of the version
  const ofOther = await openHistory({ ...deps, config: other.config }, 'freqtrade') // nobody learned under it: the topic that is set
  expect([ofOther.topic, ofOther.read, ofOther.model_version]).toEqual([other.topic, 10, null])
  // a new record of the log is read, and only that
  await publish([closedTrade({ position_id: 'later', closed_at: START + 520 * DAY })])
  await stage.catchUp()
  expect((await openHistory(deps)).read).toBe(1)
  expectClose(at(await openHistory(deps), {}), await folded({}))
})

test('coefficients, explain, history, diff and trades answer alike, and the places that they name hold the trades', async () => {
  const now = await json('coefficients')
  const then = await json('coefficients', '--as-of', '2030-01-01')
  expectClose(then, now)
  expect(then).toMatchObject({ as_of: '2030-01-01T00:00:00.000Z', at_time: null, at_offset: null })
  expect(now.as_of).toBeNull()

  const alice = now.coefficients.find((c: { name: string; key: string }) => c.name === 'curator' && c.key === 'alice')
  const why = await json('explain', 'curator', 'alice')
  expect(why.target).toEqual({ scope: 'lever', name: 'curator', key: 'alice' })
  for (const f of ['weight', 'rr_short', 'rr_long', 'n'] as const) expect(why.coefficient[f]).toBeCloseTo(alice[f], 9)
  const sum = (f: string) =>
    why.trades.reduce((total: number, t: Record<string, number>) => total + (t[f] as number), 0)
  expect(sum('share_short')).toBeCloseTo(alice.rr_short, 9)
  expect(sum('share_long')).toBeCloseTo(alice.rr_long, 9)
  expect(why.trades).toHaveLength(alice.n)
  for (const { event_id, partition, offset, revision, outcome, revisions = [{}] } of why.trades) {
    const there = published.find((p) => p.partition === partition && p.offset === offset)?.event
    expect(there).toMatchObject({ event_id, revision, rr: outcome })
    expect(revisions).toHaveLength(published.filter((p) => p.event.event_id === event_id).length)
  }

  const { points } = await json('history', 'curator', 'alice', '--points', '0')
  expect(points).toHaveLength(alice.n)
  expect(points.at(-1).rr_short).toBeCloseTo(alice.rr_short, 9)

  const { trades, total } = await json('trades', '--lever', 'curator=alice', '--lever', 'chain=base')
  expect(total).toBe(trades.length)
  for (const { partition, offset } of trades)
    expect(published.find((p) => p.partition === partition && p.offset === offset)?.event.levers).toMatchObject({
      curator: 'alice',
      chain: 'base',
    })
  const voided = await json('trades', '--voided')
  expect(voided.total).toBe(20 - 3) // three of them were corrected again

  const moved = await json('diff', '--from', '2026-01-01', '--to', '2026-02-01')
  const change = moved.changed.find((c: { name: string; key: string }) => c.name === 'curator' && c.key === 'alice')
  const before = await json('coefficients', '--as-of', '2026-01-01')
  expect(change.before.weight).toBeCloseTo(
    before.coefficients.find((c: { name: string; key: string }) => c.name === 'curator' && c.key === 'alice').weight,
    9,
  )
  for (const t of change.trades)
    expect(t.closed_at > '2026-01-01' && t.closed_at <= '2026-02-01T00:00:00.000Z').toBe(true)

  const context = ['--context', JSON.stringify({ curator: 'alice', chain: 'base' }), '--timeframe', '1h']
  const sized = await json('allocate', ...context, '--base', '1', '--min', '0', '--max', '1000')
  const because = await json('explain', ...context)
  expect(because.allocation.multiplier).toBeCloseTo(sized.multiplier, 9)
  for (const { n, trades } of because.factors) expect(trades).toHaveLength(n)
})

test('verify: what is learned is what the log gives, to the last bit, and what was changed behind its back is found', async () => {
  const found = await json('verify')
  expect(found).toMatchObject({ events: published.length, differences: [], model: { name: 'lowcap-v4', active: true } })
  expect(found.identical + found.within_tolerance).toBe(found.coefficients)
  expect(found.identical).toBeGreaterThan(0)

  const wrong = async () => {
    const { code, stdout } = await strandline('verify', '--json')
    return { code, differences: JSON.parse(stdout).differences }
  }
  const change = (to: string) =>
    db.sql(
      `update learner_partials set weighted_rr_short = weighted_rr_short ${to} where name = 'curator' and key = 'bob' and partition = 2`,
    )
  await change('+ 0.0001')
  const { code, differences } = await wrong()
  expect([code, differences.map((d: { key: string }) => d.key)]).toEqual([1, ['bob']])
  expect(differences[0].trades.length).toBeGreaterThan(0)
  for (const id of differences[0].trades)
    expect(published.find((p) => p.event.event_id === id)?.event.levers.curator).toBe('bob')
  await db.sql(`delete from learner_partials where name = 'curator' and key = 'bob'`)
  expect((await wrong()).differences).toMatchObject([{ name: 'curator', key: 'bob', live: null }])
})

test('verify --continuous: samples while the system runs, says what differs, counts it, and forgets it when it is right again', async () => {
  const rows = `learner_partials where name = 'curator' and key = 'carol' and partition = 1`
  const port = await freePort()
  const args = ['verify', '--continuous', '--every', '0.1', '--json', '--port', String(port)]
  const watching = startCommand(args, { cwd: dir, env: env() })
  try {
    const lines = () =>
      watching
        .stdout()
        .split('\n')
        .filter(Boolean)
        .map((line) => JSON.parse(line))
    const until = (what: () => boolean) => expect.poll(what, { timeout: PATIENCE_MS }).toBe(true)
    // the test before took all of bob away
    await until(() => lines().some((l) => l.differences?.some((d: { key: string }) => d.key === 'bob')))
    await db.sql(`create table kept as select * from ${rows}`)
    await db.sql(`update learner_partials set n = n + 1 where ctid = any (array(select ctid from ${rows}))`)
    const carol = () => lines().filter((l) => l.differences?.some((d: { key: string }) => d.key === 'carol')).length
    await until(() => carol() > 0)
    expect(await (await fetch(`http://127.0.0.1:${port}/metrics`)).text()).toMatch(
      /strandline_verify_differing_coefficients 2\n[\s\S]*strandline_verify_round_finished_timestamp_seconds \d{10}/,
    )
    await db.sql(
      `update learner_partials p set n = k.n from kept k where p.name = k.name and p.key = k.key and p.partition = k.partition and p.period = k.period`,
    )
    const rounds = () => lines().filter((l) => l.differing !== undefined)
    const before = rounds().length
    await until(() => rounds().length > before + 1)
    expect(rounds().at(-1)).toMatchObject({ differing: 1, model: { name: 'lowcap-v4' } })
    // trades that come meanwhile are folded on to
    const events = rounds().at(-1).events
    await stage.publish([closedTrade({ position_id: 'later', levers: { curator: 'dave' } })])
    await stage.catchUp()
    await until(() => rounds().at(-1).events === events + 1)
    expect(rounds().at(-1).differing).toBe(1)
  } finally {
    watching.child.kill('SIGINT')
  }
  expect((await watching.ended).code).toBe(1)
})

test('regression: what goes on until Ctrl-C ends when nobody reads it, and says what it found', async () => {
  const unread = { cwd: dir, env: env(), unread: true }
  const verifying = runCommand(['verify', '--continuous', '--every', '0.1', '--json'], unread)
  expect((await verifying).code).toBe(1) // bob is away
  expect((await runCommand(['lag', '--watch', '--json'], unread)).code).toBe(0)
})

test('what cannot be answered is said in one sentence', async () => {
  const failure = async (...args: string[]) => {
    const { code, stderr } = await strandline(...args)
    return [code, stderr.trim().split('\n').at(-1)]
  }
  expect(await failure('explain', 'colour', 'red')).toEqual([
    2,
    expect.stringMatching(/lowcap-v4 has no lever and no interaction 'colour'\..*Its levers: /),
  ])
  expect(await failure('explain', 'curator', 'nobody')).toEqual([
    1,
    expect.stringMatching(/^No trade counts for curator "nobody" under lowcap-v4\./),
  ])
  expect(await failure('explain', 'nonsense')).toEqual([
    2,
    expect.stringMatching(/No interaction of lowcap-v4 has the key "nonsense"\./),
  ])
  expect(await failure('coefficients', '--as-of', '2026-01-01', '--at-offset', '3')).toEqual([
    2,
    expect.stringMatching(/More than one moment/),
  ])
  expect(await failure('coefficients', '--at-offset', '9:3')).toEqual([2, expect.stringMatching(/no partition 9/)])
})
