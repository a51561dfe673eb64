/** Model versions and what is learned under them: one answer, whichever adapter gives it; any content of the learner's tables, read in memory and from PostgreSQL. */
import fc from 'fast-check'
import { beforeEach, describe, expect, test } from 'vitest'
import { loadModel, sumsHash } from '../../core/load-model.ts'
import { createCoefficientStore, type LearnedRow } from '../../core/store/coefficient-store.ts'
import { readLearned } from '../../core/store/learned.ts'
import { createMemoryCoefficients } from '../../core/store/memory/coefficients.ts'
import { createMemoryDatabase, type MemoryDatabase } from '../../core/store/memory/database.ts'
import { learnedTables, ledgerKey, type PartialRow, partialKey } from '../../core/store/memory/learned.ts'
import { createMemoryModelVersions } from '../../core/store/memory/model-versions.ts'
import { createModelVersionStore } from '../../core/store/model-versions.ts'
import type { WeighedRow } from '../../domain/learning/offline.ts'
import { decayOf, periodOf, weigh } from '../../domain/learning/sums.ts'
import { SumsTable } from '../../domain/learning/sums-table.ts'
import { adapters, useWays, WAYS, type Way } from './ways.ts'

const ways = useWays(...WAYS)
const versionsOf = adapters(createMemoryModelVersions, createModelVersionStore)
const coefficientsOf = adapters(createMemoryCoefficients, createCoefficientStore)

const TABLES = 'strandline.model_versions, strandline.learner_partials, strandline.learner_ledger'
const DAY_MS = 86_400_000
/** A period of the model, and the beginning of one. */
const PERIOD_DAYS = 56
const T0 = Math.ceil(Date.UTC(2026, 0, 1) / DAY_MS / PERIOD_DAYS) * PERIOD_DAYS * DAY_MS

const lowcap = loadModel('lowcap-v4')
const freqtrade = loadModel('freqtrade')
const shrunk = loadModel('lowcap-v5')
const named = ({ definition, hash }: typeof lowcap, topic: string) => ({
  model: definition.name,
  hash,
  definition,
  sums_hash: sumsHash(definition),
  topic,
})

const EMPTY = { rows: [], members: [], baseline: null, squares: null, next: null }
const COLUMNS = 'model_version, partition, period, scope, name, key, n, newest_ms'
const SUMS = ['weight_short', 'weighted_rr_short', 'weight_long', 'weighted_rr_long'].flatMap((s) => [s, `${s}_low`])

async function putPartials(way: Way, rows: PartialRow[]): Promise<void> {
  if (way.memory) {
    const { partials } = learnedTables(way.memory)
    return way.memory.transaction(() => {
      for (const row of rows) partials.put(partialKey(row), row)
    })
  }
  const all = rows.map(({ sums, ...row }) => ({ ...row, ...sums, newest_ms: sums.newest }))
  const columns = `${COLUMNS}, ${SUMS.join(', ')}`
  await way.db.sql(
    `insert into learner_partials (${columns}) select ${columns} from jsonb_populate_recordset(null::learner_partials, $1)`,
    [JSON.stringify(all)],
  )
}

/** A trade that counts: its exit is the moment for which the rule shrunk counts what is left of others. */
async function putTrade(way: Way, model_version: number, closed_at: number): Promise<void> {
  const event_id = '00000000-0000-4000-8000-000000000001'
  const row = { model_version, event_id, partition: 0, offset: 0, revision: 0, voided: false, rr: 1, levers: '' }
  if (way.memory) {
    const { ledger } = learnedTables(way.memory)
    return way.memory.transaction(() => ledger.put(ledgerKey(model_version, event_id), { ...row, closed_at }))
  }
  await way.db.sql('insert into learner_ledger select (jsonb_populate_record(null::learner_ledger, $1)).*', [
    JSON.stringify({ ...row, closed_at_ms: closed_at }),
  ])
}

/** Sums of some trades, [days after T0, R/R]. */
function partial(
  of: Pick<PartialRow, 'model_version' | 'partition' | 'name' | 'key'>,
  trades: [number, number][],
): PartialRow {
  const tau = decayOf(lowcap.definition.tau_days)
  const table = new SumsTable(1)
  const sums = table.addRow()
  for (const [day, rr] of trades) table.addTrade(sums, weigh(T0 + day * DAY_MS, rr, tau))
  const scope = of.name === 'global' ? 'global' : /^interaction$|[+]/.test(of.name) ? 'interaction' : 'lever'
  return { ...of, scope, period: periodOf(T0 + trades[0]![0] * DAY_MS, tau), sums: table.read(sums) }
}

/** Numbers as far as two ways of computing e^x agree. */
function rounded(answer: unknown): unknown {
  return JSON.parse(JSON.stringify(answer ?? null), (name, value) => {
    if (name === 'created_at') return typeof value
    return typeof value === 'number' ? Number(value.toPrecision(11)) : value
  })
}

const sorted = (rows: LearnedRow[]) =>
  rows.toSorted((a, b) =>
    JSON.stringify([a.scope, a.name, a.key]) < JSON.stringify([b.scope, b.name, b.key]) ? -1 : 1,
  )

async function cleared(way: Way): Promise<void> {
  await way.db?.sql(`truncate ${TABLES} restart identity`)
}

describe.each(WAYS)('%s', (name) => {
  let memory: MemoryDatabase
  const way = (): Way => (name === 'memory' ? { name, memory } : ways[name])
  beforeEach(async () => {
    memory = createMemoryDatabase()
    await cleared(ways[name])
  })

  test('nothing is learned', async () => {
    const port = coefficientsOf(way())
    const numbers = { global_rr: null, baseline: null, squares: null, rows: [] }
    const nothing = { model_version: null, hash: null, active: false, ...numbers }
    expect(await port.version(null)).toBeNull()
    expect(await port.read([{ scope: 'lever', name: 'curator', key: 'a' }], null)).toEqual(nothing)
    expect(await port.read([], 'lowcap-v4')).toEqual(nothing)
    const all = { scope: null, name: null, minN: 0, model: null, modelVersion: null }
    expect(await port.page(all, '', 5)).toEqual({ ...EMPTY, model_version: null })
    expect(await readLearned(port)).toEqual({
      version: null,
      global_rr: { rr_short: null, rr_long: null, n: 0 },
      rows: [],
      spread: null,
    })
    expect(await port.list()).toEqual([])
  })

  test('the first version is active, another one only when it is made so', async () => {
    const port = versionsOf(way())
    const first = { model_version: 1, sums: 1, consumer: `learner/lowcap-v4/${lowcap.hash.slice(0, 12)}`, build: 1 }
    expect(await port.open(named(lowcap, 't'))).toEqual({ ...first, active: true })
    expect(await port.open(named(lowcap, 't'))).toEqual({ ...first, active: true })
    expect(await port.open(named(freqtrade, 't'))).toMatchObject({ model_version: 2, active: false, build: 1 })
    expect(await port.isActive(2)).toBe(false)
    expect(await port.activate(2)).toEqual({ status: 'ok', previous: 1 })
    expect(await port.activate(3)).toEqual({ status: 'unknown', previous: null })
    expect([await port.isActive(1), await port.isActive(2), await port.isActive(9)]).toEqual([false, true, false])
    expect((await port.list()).map((v) => [v.model_version, v.model, v.active, v.n])).toEqual([
      [2, 'freqtrade', true, 0],
      [1, 'lowcap-v4', false, 0],
    ])
    expect(await coefficientsOf(way()).version('lowcap-v4')).toEqual({
      ...first,
      hash: lowcap.hash,
      topic: 't',
      active: false,
      definition: lowcap.definition,
    })
  })

  test('coefficients are weighed against the baseline of their version', async () => {
    const { model_version } = await versionsOf(way()).open(named(lowcap, 't'))
    const of = { model_version, partition: 0 }
    await putPartials(way(), [
      partial({ ...of, name: 'global', key: '' }, [
        [0, 1],
        [1, 3],
      ]),
      partial({ ...of, name: 'curator', key: 'a' }, [[0, 3]]),
    ])
    const asked = [
      { scope: 'lever', name: 'curator', key: 'a' },
      { scope: 'lever', name: 'curator', key: 'nobody' },
    ] as const
    const { rows, global_rr } = await coefficientsOf(way()).read(asked, null)
    expect(rows).toMatchObject([{ name: 'curator', key: 'a', rr_short: 3, n: 1 }])
    expect(global_rr!.n).toBe(2)
    const learned = await readLearned(coefficientsOf(way()))
    expect(learned).toMatchObject({ version: { model_version }, global_rr: { n: 2 }, spread: null })
    expect(learned.rows).toMatchObject([{ module: 'dm', name: 'curator', key: 'a', n: 1, trust: 1, error: null }])
    expect(learned.rows[0]!.weight).toBeCloseTo(3 / global_rr!.rr_short!, 10)
  })

  test('what an interaction says beyond its lever values is known wherever these lie', async () => {
    const { model_version } = await versionsOf(way()).open(named(shrunk, 't'))
    const of = { model_version, partition: 0 }
    const days: [number, number][] = [
      [0, 1],
      [1, 3],
    ]
    const group = (name: string, key: string, trades = days) => partial({ ...of, name, key }, trades)
    await putPartials(way(), [
      group('global', ''),
      group('global', 'squares', [
        [0, 1],
        [1, 9],
      ]),
      group('interaction', 'chain=b%7Ca%25|curator=z', [[1, 3]]),
      group('chain', 'b|a%', [[1, 3]]),
      group('curator', 'z', [[1, 3]]),
      group('vol', '1m+'), // of no interaction
    ])
    await putTrade(way(), model_version, T0 + DAY_MS)
    const port = coefficientsOf(way())
    const asked = { scope: 'interaction', name: null, minN: 0, model: null, modelVersion: model_version }
    for (const size of [1, 100]) {
      const { rows, spread, global_rr } = await readLearned(port, {}, size)
      expect(spread).toBeCloseTo(1, 2)
      const beyond = 3 - global_rr.rr_long!
      const trust = 1 / 51 // of one trade, where 50 are believed half
      expect(rows.find((row) => row.scope === 'interaction')).toMatchObject({
        n: 1,
        trust: expect.closeTo(trust, 12),
        edge: expect.closeTo(trust * (beyond - 2 * trust * beyond), 9),
        error: expect.closeTo(spread! / Math.sqrt(51), 9),
      })
    }
    const { members, rows } = await port.page(asked, '', 100)
    expect(rows).toHaveLength(1)
    expect(members.map((m) => m.key).sort()).toEqual(['b|a%', 'z'])
  })
})

const trades = fc.array(fc.tuple(fc.integer({ min: 0, max: 50 }), fc.integer({ min: -3, max: 9 })), {
  minLength: 1,
  maxLength: 3,
})
const content = fc.uniqueArray(
  fc.record({
    // most of the sums that two rules read
    model_version: fc.oneof(fc.integer({ min: 1, max: 4 }), fc.constant(1)),
    partition: fc.nat(1),
    period: fc.nat(2),
    group: fc.constantFrom(
      'global|',
      'global|',
      'global|squares',
      'interaction|chain=a|curator=b',
      'curator|a',
      'curator|b',
      'curator|ä',
      'chain|a',
      'a+b|a=1|b=2',
      'timeframe|1h',
    ),
    trades,
  }),
  { selector: (p) => `${p.model_version}/${p.partition}/${p.period}/${p.group}`, maxLength: 25 },
)
const question = fc.record({
  scope: fc.constantFrom(null, null, 'lever', 'interaction'),
  name: fc.constantFrom(null, null, 'curator'),
  minN: fc.nat(3),
  model: fc.constantFrom(null, 'lowcap-v4', 'lowcap-v5', 'freqtrade', 'nobody'),
  modelVersion: fc.constantFrom(null, null, 1, 2, 4, 9),
  size: fc.integer({ min: 1, max: 6 }),
})

/** What stands in the view is what the reader makes of the page. */
async function expectWeightsOf(db: NonNullable<Way['db']>, version: number, rows: WeighedRow[]): Promise<void> {
  const all = await db.sql<{ name: string; key: string; weight: number }>(
    'select name, key, weight from learner_coefficients where model_version = $1',
    [version],
  )
  const weights = new Map(all.map(({ name, key, weight }) => [`${name}\0${key}`, weight]))
  for (const { name, key, weight } of rows) expect(weight).toBeCloseTo(weights.get(`${name}\0${key}`)!, 9)
}

test('whatever was learned, readers get the same from memory as from PostgreSQL, page by page', async () => {
  const { direct } = ways
  await fc.assert(
    fc.asyncProperty(
      content,
      fc.array(question, { minLength: 1, maxLength: 4 }),
      fc.nat(4),
      fc.option(fc.integer({ min: 100, max: 400 })),
      async (rows, asked, active, newest) => {
        const memory: Way = { name: 'memory', memory: createMemoryDatabase() }
        await cleared(direct)
        const answers = []
        for (const way of [memory, direct]) {
          const versions = versionsOf(way)
          for (const [model, topic] of [
            [lowcap, 't'],
            [freqtrade, 't'],
            [lowcap, 'u'],
            [shrunk, 't'],
          ] as const)
            await versions.open(named(model, topic))
          await putPartials(
            way,
            rows.map(({ group, trades, period, ...row }) => {
              const [name, ...key] = group.split('|')
              return partial(
                { ...row, name: name!, key: key.join('|') },
                trades.map(([day, rr]) => [day + period * PERIOD_DAYS, rr]),
              )
            }),
          )
          if (newest !== null) await putTrade(way, 1, T0 + newest * DAY_MS)
          const port = coefficientsOf(way)
          const seen: unknown[] = [await versions.activate(active), await versions.list()]
          const keys = rows.map(({ group }) => {
            const [name, ...key] = group.split('|')
            return { scope: name === 'interaction' ? name : 'lever', name: name!, key: key.join('|') } as const
          })
          for (const { size, ...filter } of asked) {
            seen.push(await port.version(filter.model), await port.read(keys, filter.model))
            for (let after: string | null = ''; after !== null; ) {
              const page: Awaited<ReturnType<typeof port.page>> = await port.page(filter, after, size)
              seen.push({ ...page, rows: sorted(page.rows), members: sorted(page.members) })
              after = page.next
            }
            const version = await port.version(filter.model)
            if (!version) continue
            const { model, minN, name, scope } = filter
            const learned = await readLearned(
              port,
              { model: model ?? undefined, minN, name: name ?? undefined, scope: scope as 'lever' | undefined },
              size,
            )
            seen.push(learned.rows, learned.global_rr, learned.spread)
            if (way.db) await expectWeightsOf(way.db, version.model_version, learned.rows)
          }
          answers.push(rounded(seen))
        }
        expect(answers[0]).toEqual(answers[1])
      },
    ),
    { numRuns: 60 },
  )
})
