import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { changesBetween, compareText, readResult, rigDifferences, verdictOf } from './compare.ts'
import type { PartialResult } from './figures.ts'

const machine = {
  cpus: 2,
  cpu: 'Xeon',
  memory_gib: 23.98,
  system: 'Linux 6',
  node: '24',
  kafka: '4',
  postgres: '18',
  java: '21',
}
const options = {
  events: 1_000,
  partitions: 6,
  rounds: 3,
  headers: false,
  contenders: ['learner' as const],
  rates: [100],
  store: 'direct' as const,
}
const rate = (events_per_s: number, us: number | null) => ({
  events_per_s,
  rounds: [],
  cpu_s: {},
  cpu_us_per_event: { learner: us },
})
const result = (few: number, us: number | null): PartialResult => ({
  machine,
  options,
  throughput: {
    value_bytes: 340,
    rates: { learner: { few: rate(few, us), distinct: rate(50, us) } },
    streams_missing: null,
    cpu_us_per_event: { few: us, distinct: us },
  },
})

test('each figure of both has its ratio; what only one of them has is left out', () => {
  const changes = changesBetween(result(100, null), result(150, 12))
  expect(changes.map(({ name, unit, old, new: now, ratio }) => [name, unit, old, now, ratio])).toEqual([
    ['learner, few', 'events/s', 100, 150, 1.5],
    ['learner, distinct', 'events/s', 50, 50, 1],
  ])
})

test('the result of an earlier version is compared as far as it goes', () => {
  const earlier = {
    machine,
    options,
    throughput: { rates: { learner: { few: { events_per_s: 75, rounds: [], cpu_s: { learner: 1 } } } } },
    latency: {
      closes: 3_000,
      per_second: 100,
      close_to_coefficient: { p50: 30, p99: 148, max: 200 },
      cpu_s: { pm: 3 },
    },
    aims: [],
  } as unknown as PartialResult
  expect(changesBetween(earlier, result(150, 12)).map((c) => [c.name, c.ratio])).toEqual([['learner, few', 2]])
  expect(compareText(earlier, result(150, 12))).toContain('learner, few')
})

test('more events a second are better, more of anything else is worse, and a little is noise', () => {
  expect(verdictOf({ ratio: 1.5, better: 'higher' })).toBe('better')
  expect(verdictOf({ ratio: 0.5, better: 'higher' })).toBe('WORSE')
  expect(verdictOf({ ratio: 1.5, better: 'lower' })).toBe('WORSE')
  expect(verdictOf({ ratio: 0.5, better: 'lower' })).toBe('better')
  expect(verdictOf({ ratio: 1.04, better: 'lower' })).toBe('')
})

test('another machine, another version, other options: each is named, before the figures; not who else took part', () => {
  const other = {
    ...result(100, 12),
    machine: { ...machine, memory_gib: 24.02, cpu: 'EPYC' },
    options: {
      ...options,
      events: 500,
      contenders: ['reader' as const, 'learner' as const],
      store: 'postgrest' as const,
    },
  }
  expect(rigDifferences(result(100, 12), other)).toEqual([
    'cpu: Xeon then, EPYC now',
    'events: 1000 then, 500 now',
    'store: direct then, postgrest now',
  ])
  expect(compareText(result(100, 12), other)).toMatch(/^The rigs differ/)
  expect(compareText(result(100, 12), result(100, 12))).not.toContain('rigs differ')
})

test('nothing in common is said', () => {
  expect(compareText({ machine, options }, result(100, 12))).toContain('Nothing was measured in both.')
})

test('a file that is no result is wrong usage, before anything is measured', async () => {
  const dir = await mkdtemp(join(tmpdir(), 'strandline-compare-'))
  onTestFinished(() => rm(dir, { recursive: true }))
  const file = join(dir, 'old.json')
  await expect(readResult(file)).rejects.toMatchObject({
    code: 'USAGE',
    message: expect.stringContaining('cannot be read'),
  })
  for (const [text, what] of [
    ['{', 'is no JSON'],
    ['null', 'is no result'],
    ['{"aims":[]}', 'is no result'],
  ] as const) {
    await writeFile(file, text)
    await expect(readResult(file)).rejects.toMatchObject({ code: 'USAGE', message: expect.stringContaining(what) })
  }
  await writeFile(file, JSON.stringify(result(100, 12)))
  expect(await readResult(file)).toEqual(result(100, 12))
})

test('a ledger is compared with one of the same length', () => {
  const of = (long: number, ms: number): PartialResult => ({
    machine,
    options,
    ledger: {
      sizes: [1_000, long].map((rows) => ({ rows, bytes: 1, seconds: 1, memory: 1 })),
      event: [
        { p50: 4, p95: 5 },
        { p50: ms, p95: 9 },
      ],
      correction: [],
      old_left: [],
      ratio: { event: 1, correction: 1, old_left: 1 },
    },
  })
  const names = (now: PartialResult) => changesBetween(of(50_000, 4), now).map((c) => [c.name, c.ratio])
  expect(names(of(50_000, 6))).toEqual([
    ['event behind 1000 trades', 1],
    ['event behind 50000 trades', 1.5],
  ])
  expect(names(of(9_000, 6))).toEqual([['event behind 1000 trades', 1]])
})
