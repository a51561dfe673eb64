/** A verdict on a log in Kafka: what is learned here by default, every try kept, and the same answer from the exported log. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { seeded } from '../../core/random.ts'
import type { PositionClosed } from '../../domain/event.ts'
import type { Verdict } from '../../domain/verdict/verdict.ts'
import { closedTrade } from '../support/closed-trade.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { createTestKafka, type TestKafka } from '../support/kafka.ts'
import { createStage, type Stage } from '../support/kafka-learner.ts'
import { runCommand } from '../support/strandline.ts'

const HOUR = 3_600_000
const START = Date.UTC(2026, 0, 1)

let db: TestDatabase
let kafka: TestKafka
let stage: Stage
let dir: string
let env: Record<string, string>
let events: PositionClosed[]

beforeAll(async () => {
  ;[db, kafka, dir] = await Promise.all([
    createTestDatabase(),
    createTestKafka(),
    mkdtemp(join(tmpdir(), 'strandline-verdict-')),
  ])
  stage = await createStage(db, kafka, { partitions: 3 })
  const { topic } = stage.config
  env = {
    SUPABASE_URL: db.supabaseUrl,
    SUPABASE_SERVICE_ROLE_KEY: db.key,
    KAFKA_BROKERS: kafka.brokers,
    SCHEMA_REGISTRY_URL: kafka.registryUrl,
    STRANDLINE_TOPIC: topic,
  }
  const random = seeded(5)
  events = Array.from({ length: 400 }, (_, i) => {
    const curator = Math.floor(random() * 4)
    const rr = random() * 4 - 1 + (curator === 0 ? 3 : 0)
    const opened_at = START + i * 6 * HOUR
    const closed_at = opened_at + Math.ceil(random() * 30) * HOUR
    const levers = { curator: `c${curator}` }
    return closedTrade({ position_id: `v${i}`, opened_at, closed_at, rr, return: rr / 40, levers, measures: {} })
  })
  await stage.publish(events)
  await stage.catchUp()
})
afterAll(async () => {
  await kafka?.close()
  await db?.drop()
  await rm(dir, { recursive: true, force: true })
})

const verdict = async (...args: string[]): Promise<Verdict> => {
  const { code, stdout, stderr } = await runCommand(['verdict', '--json', ...args], { env, cwd: dir })
  expect(code, stderr).toBe(0)
  return JSON.parse(stdout)
}

test('by what is learned here, then by others as well: each try counts against the next', async () => {
  const first = await verdict()
  expect(first).toMatchObject({ trades: 400, models: [{ name: 'lowcap-v4', learns: 'rr', verdict: 'better' }] })
  expect(first.models[0]?.p_adjusted).toBe(first.models[0]?.p)
  const { models } = await verdict('--models', 'lowcap-v5,lowcap-return')
  expect(models.map((m) => m.name)).toEqual(['lowcap-v5', 'lowcap-return'])
  expect(models[0]?.p_adjusted).toBeCloseTo(3 * (models[0]?.p as number), 12)
  expect((await db.sql('select model from verdicts order by model')).map((r) => r.model)).toEqual([
    'lowcap-return',
    'lowcap-v4',
    'lowcap-v5',
  ])
  const { stdout } = await runCommand(['verdict'], { env, cwd: dir })
  expect(stdout).toMatch(/^Better: sized by lowcap-v4, 400 trades/)
  for (const line of stdout.split('\n').filter((l) => !l.startsWith('- ') && !/^(Better|Cannot)/.test(l)))
    expect([...line].length).toBeLessThanOrEqual(100)
})

test('an exported log gives the same', async () => {
  const file = join(dir, 'events.jsonl')
  const lines = events.map(({ event_id, opened_at, closed_at, timeframe, rr, return: gross, levers }) =>
    JSON.stringify({
      event_id,
      opened_at: new Date(opened_at).toISOString(),
      exit_ts: new Date(closed_at).toISOString(),
      timeframe,
      rr,
      return: gross,
      entry_context: levers,
    }),
  )
  await writeFile(file, lines.join('\n'))
  const { models } = await verdict(file, '--models', 'lowcap-v4')
  const [fromLog] = (await verdict('--models', 'lowcap-v4')).models
  expect(models[0]?.outcome?.mean).toBeCloseTo(fromLog?.outcome?.mean as number, 9)
  expect(models[0]?.kish).toBeCloseTo(fromLog?.kish as number, 9)
})

test('what cannot be asked is said in a sentence', async () => {
  const nobody = await runCommand(['verdict', '--models', 'nobody'], { env, cwd: dir })
  expect([nobody.code, nobody.stderr]).toEqual([2, expect.stringContaining("model 'nobody'")])
  await writeFile(join(dir, 'one.jsonl'), '')
  const unnamed = await runCommand(['verdict', 'one.jsonl'], { env, cwd: dir })
  expect([unnamed.code, unnamed.stderr]).toEqual([2, expect.stringContaining('Which models?')])
})
