import { expect, test } from 'vitest'
import { aimsOf } from './aims.ts'
import type { BenchResult } from './bench.ts'
import { compareText } from './compare.ts'
import { CONTENDERS } from './context.ts'
import { reportText } from './report.ts'

const of = <T>(value: T) => ({ few: value, distinct: value })
const rate = {
  events_per_s: 1_391_234,
  rounds: [1_000_000, 1_391_234, 1_500_000],
  cpu_s: { learner: 12 },
  cpu_us_per_event: { learner: 1_234, postgres: 1_234, lite: 123.4, kafka: 123.4 },
  wal_bytes_per_event: 12_345,
}
const group = { group: 'database and sockets', seconds: 12, share: 0.9 }
const longest = 'strandline_learner_a_function_of_a_name_that_goes_on'
const profile = {
  learner: {
    seconds: 12,
    groups: [group],
    functions: [{ ...group, name: longest, place: `learner/${longest}.ts:1234` }],
  },
  cpuSeconds: { main: 12, process: 13 },
  sql: [{ name: longest, calls: 123_456, seconds: 12 }],
}
const closes = {
  closes: 3_000,
  p50: 12_345,
  p99: 123_456,
  max: 123_456,
  closed: { p50: 12_345, p99: 123_456 },
  repeated: 0,
  cpu_ms_per_close: 45.1,
  processes: { pm: 1, learner: null },
  transactions_per_close: 3.1,
  wal_bytes_per_close: 13_550,
}
const measured = {
  throughput: {
    value_bytes: 387,
    rates: Object.fromEntries(CONTENDERS.map((name) => [name, of(rate)])),
    streams_missing: null,
    cpu_us_per_event: of(64.2),
    stages: of({ 'database and sockets': 12 }),
    profile: of(profile),
  },
  latency: { 10: closes, 100: closes, 200: closes },
  memory: { ...of(600 << 20), ledger: 399 << 20 },
  ledger: {
    sizes: [100_000, 10_000_000].map((rows) => ({ rows, bytes: 1, seconds: 300, memory: 1 })),
    event: [0, 1].map(() => ({ p50: 1_234, p95: 1 })),
    correction: [0, 1].map(() => ({ p50: 1_234, p95: 1 })),
    old_left: [0, 1].map(() => ({ p50: 1_234, p95: 1 })),
    ratio: { event: 1.05, correction: 1, old_left: 1 },
  },
}
const result: BenchResult = {
  machine: {
    cpus: 2,
    cpu: 'Intel(R) Xeon(R) Processor',
    memory_gib: 24,
    system: 'Linux 6.18',
    node: '24.21.0',
    kafka: '4.3.1',
    postgres: '18.4',
    java: '17.0.15',
  },
  options: {
    events: 1_000_000,
    partitions: 6,
    rounds: 3,
    headers: false,
    contenders: [...CONTENDERS],
    rates: [10, 100, 200],
    store: 'direct',
  },
  ...measured,
  aims: aimsOf(measured),
}

test('everything at once fits 80 columns, with large numbers and long names', () => {
  const lines = `${reportText(result)}\n${compareText(result, result)}`.split('\n')
  expect(lines.filter((line) => [...line].length > 80)).toEqual([])
})

test('each aim is said once, reached or missed', () => {
  const aims = reportText(result).split('\nAims')[1]?.split('\n').slice(1)
  expect(aims).toHaveLength(15)
  expect(aims?.every((line) => /(reached|MISSED)$/.test(line))).toBe(true)
})

test('what was not measured is not spoken of', () => {
  const text = reportText({ machine: result.machine, options: result.options, latency: { 10: closes }, aims: [] })
  expect(text).toContain('Close → coefficient')
  expect(text).not.toMatch(/events|Events|memory|Aims|undefined|NaN/)
})
