/** `coefficients` and `allocate` as a person runs them, against a real database. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { loadModel } from '../../core/load-model.ts'
import { createCoefficientStore } from '../../core/store/coefficient-store.ts'
import { createOfflineFold } from '../../domain/learning/offline.ts'
import { createDecisionMaker } from '../../services/decision/index.ts'
import { closedTrade } from '../support/closed-trade.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { createFeed, recordsOf } from '../support/feed.ts'
import { createTestLearner, encodeEvent, TOPIC } from '../support/learner.ts'
import { runCommand } from '../support/strandline.ts'

let db: TestDatabase
let dir: string
beforeAll(async () => {
  db = await createTestDatabase()
  dir = await mkdtemp(join(tmpdir(), 'strandline-cli-'))
})
afterAll(async () => {
  await db?.drop()
  await rm(dir, { recursive: true, force: true })
})

/** Runs the command as a program of its own, in an empty folder. */
function strandline(...args: string[]) {
  const env = { SUPABASE_URL: db.supabaseUrl, SUPABASE_SERVICE_ROLE_KEY: db.key }
  return runCommand(args, { cwd: dir, env })
}

const context = { curator: 'alice', chain: 'base' }
const asked = ['allocate', '--context', JSON.stringify(context), '--base', '5', '--min', '1', '--max', '40']

const model = loadModel('lowcap-v4')
const events = [
  closedTrade({ position_id: 'p-1', rr: 3, levers: context, measures: {} }),
  closedTrade({ position_id: 'p-2', rr: 1, levers: { curator: 'bob', chain: 'solana' }, measures: {} }),
  closedTrade({
    position_id: 'p-3',
    rr: 2,
    levers: { curator: 'carol', chain: 'solana' },
    measures: {},
    closed_at: Date.UTC(2026, 1, 20),
  }),
]

describe('before anything is learned', () => {
  test('both say so in one sentence, and the allocation is the base', async () => {
    const coefficients = await strandline('coefficients')
    expect(coefficients).toMatchObject({ code: 0, stdout: expect.stringMatching(/^Nothing is learned yet[^.]*\.\n$/) })
    const allocate = await strandline(...asked)
    expect(allocate.stdout).toMatch(/^Nothing is learned yet/)
    expect(allocate.stdout).toContain('allocation 5.000')
  })

  test('regression: a timeframe that there is not is refused all the same', async () => {
    const { code, stderr } = await strandline('allocate', '--context', '{}', '--timeframe', '7y')
    expect(code).toBe(2)
    expect(stderr).toMatch(/There is no timeframe '7y'\. Use one of 1m, 15m, 1h, 4h/)
  })

  test('--json has the same shape, with nothing in it', async () => {
    const { stdout } = await strandline('coefficients', '--json')
    expect(JSON.parse(stdout)).toEqual({
      model: null,
      active: false,
      as_of: null,
      at_time: null,
      at_offset: null,
      global_rr: { rr_short: null, rr_long: null, n: 0 },
      spread: null,
      least_difference: null,
      coefficients: [],
    })
  })
})

describe('once trades were learned from', () => {
  beforeAll(async () => {
    const { runner } = await createTestLearner({ store: db.store, model })
    await createFeed(TOPIC, 0, recordsOf(events.map((e) => ({ key: e.position_id, value: encodeEvent(e) })))).run(
      runner,
    )
  })

  test('coefficients --json prints what an offline fold of the same log prints', async () => {
    const fold = createOfflineFold(model)
    await fold.add(events)
    const expected = fold.result()
    const { stdout } = await strandline('coefficients', '--json')
    const {
      model: version,
      active,
      as_of,
      at_time,
      at_offset,
      least_difference,
      ...printed
    } = JSON.parse(stdout) as typeof expected & Record<string, unknown>
    expect({ version, active, as_of, at_time, at_offset, least_difference }).toEqual({
      version: { name: 'lowcap-v4', hash: model.hash, build: 1, active: true, outcome: 'rr' },
      active: true,
      as_of: null,
      at_time: null,
      at_offset: null,
      least_difference: 0.1,
    })
    expect(Object.keys(printed)).toEqual(['global_rr', 'spread', 'coefficients'])
    expect(printed.coefficients.map((c) => Object.keys(c).sort())).toEqual(
      expected.coefficients.map((c) => Object.keys(c).sort()),
    )
    const rounded = (value: unknown) =>
      JSON.parse(JSON.stringify(value, (_, v) => (typeof v === 'number' ? Number(v.toFixed(9)) : v)))
    expect(rounded(printed)).toEqual(rounded(expected))
  })

  test('coefficients prints its model and the baseline first, then rows, as narrow as it was asked for', async () => {
    const { stdout } = await strandline('coefficients', '--scope', 'lever', '--name', 'chain', '--min-n', '2')
    const lines = stdout.trim().split('\n')
    expect(lines[0]).toBe(`model: lowcap-v4 (${model.hash.slice(0, 12)}), active`)
    expect(lines[1]).toMatch(/^baseline: R\/R .* 3 trades$/)
    expect(lines.filter((l) => l.startsWith('lever'))).toEqual([expect.stringMatching(/^lever +chain +solana .* 2\b/)])
    expect((await strandline('coefficients', '--limit', '1')).stdout).toContain('more: --limit 0 prints all')
  })

  test('allocate answers as the library does', async () => {
    const { stdout } = await strandline(...asked, '--timeframe', '1h', '--json')
    const expected = await createDecisionMaker(createCoefficientStore(db.store)).allocate({
      entry_context: context,
      timeframe: '1h',
      base: 5,
      min: 1,
      max: 40,
    })
    expect(JSON.parse(stdout)).toEqual(expected)
  })

  test('allocate reads the context from a file, and shows each factor', async () => {
    const file = join(dir, 'context.json')
    await writeFile(file, JSON.stringify(context))
    const { stdout } = await strandline('allocate', '--context-file', file)
    expect(stdout).toMatch(/lever +curator +alice/)
    expect(stdout).toMatch(/interaction +interaction +chain=base\|curator=alice/)
    expect(stdout).toMatch(/1h .* %/)
  })
})

describe('regression: allocate takes nothing without a word', () => {
  test('what it ignores is named, for a person and for a program', async () => {
    const { code, stdout, stderr } = await strandline(
      'allocate',
      '--context',
      '{"curatr": "alice", "chain": "base"}',
      '--json',
    )
    expect(code).toBe(0)
    expect(JSON.parse(stdout)).toMatchObject({ ignored: ['curatr'] })
    expect(stderr).toMatch(/\ncuratr is ignored: the model lowcap-v4 does not read it\.\n$/)
  })

  test.each([
    [['--context', '{"curator": 7}'], /curator is the number 7/],
    [['--context', '{}', '--timeframe', '7y'], /knows no timeframe '7y'/],
  ])('%j is refused', async (args, sentence) => {
    const { code, stdout, stderr } = await strandline('allocate', ...args)
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' })
    expect(stderr).toMatch(sentence)
  })
})

test('wrong usage is one sentence and exit code 2, and nothing is printed as a result', async () => {
  const { code, stdout, stderr } = await strandline('allocate', '--context', '{}', '--min', '5', '--max', '4')
  expect({ code, stdout }).toEqual({ code: 2, stdout: '' })
  expect(stderr).toMatch(/^Stack: .*\nmin 5 is greater than max 4\. Give min ≤ max\.\n$/)
})
