import { expect, test } from 'vitest'
import { aimsOf, MIB } from './aims.ts'

const rate = (few: number, distinct: number) => {
  const of = (events_per_s: number) => ({ events_per_s, rounds: [], cpu_s: {}, cpu_us_per_event: {} })
  return { few: of(few), distinct: of(distinct) }
}
const latency = (p50: number, p99: number, cpu_ms_per_close: number | null) => ({
  closes: 1,
  p50,
  p99,
  max: p99,
  closed: { p50: 1, p99: 1 },
  repeated: 0,
  cpu_ms_per_close,
  processes: {},
  transactions_per_close: 3,
  wal_bytes_per_close: 2_000,
})
const said = (aims: ReturnType<typeof aimsOf>) => aims.map((a) => [a.name, a.value, a.reached])

test('each ratio has its own aim; the bound itself reaches it', () => {
  const rates = {
    reader: rate(300, 200),
    learner: rate(90, 50),
    streams: rate(30, 25),
    streams_local: rate(112.5, 50),
  }
  expect(said(aimsOf({ throughput: { rates, cpu_us_per_event: { few: 13, distinct: 22.1 } } }))).toEqual([
    ['few: learner / Kafka Streams', 3, true],
    ['few: learner / Streams without repartitioning', 0.8, true],
    ['few: learner / reader', 0.3, true],
    ['distinct: learner / Kafka Streams', 2, false],
    ['distinct: learner / Streams without repartitioning', 1, true],
    ['distinct: learner / reader', 0.25, true],
    ['few: processor an event, all processes', 13, true],
    ['distinct: processor an event, all processes', 22.1, false],
  ])
})

test('what did not take part, or the system does not tell, is neither reached nor missed', () => {
  const aims = aimsOf({
    throughput: {
      rates: { reader: rate(200, 190), learner: rate(70, 39) },
      cpu_us_per_event: { few: null, distinct: 20 },
    },
  })
  expect(aims.map((a) => a.reached)).toEqual([null, null, true, null, null, false, null, true])
  expect(aims[0]?.value).toBeNull()
})

test('latency has its aims at 10, 100 and 200 closes a second; "less than" is not reached by the bound', () => {
  const all = aimsOf({ latency: { 10: latency(7.9, 15, 20), 100: latency(30, 39, 5), 200: latency(50, 80.1, 4) } })
  expect(all.map((a) => [a.value, a.reached])).toEqual([
    [5, true],
    [7.9, true],
    [15, false],
    [39, true],
    [80.1, false],
  ])
  expect(aimsOf({ latency: { 100: latency(30, 39, 5.1) } }).map((a) => a.reached)).toEqual([
    false,
    null,
    null,
    true,
    null,
  ])
})

test('memory counts where it was highest; where it is not known it is neither', () => {
  const of = (few: number, distinct: number) => aimsOf({ memory: { few: few * MIB, distinct: distinct * MIB } })[0]
  expect(of(300, 399.9)?.reached).toBe(true)
  expect(of(400, 300)).toMatchObject({ value: 400, reached: false })
  expect(of(400, Number.NaN)?.reached).toBeNull()
})

test('the ledger counts by the ratio of its medians', () => {
  const of = (event: number) => aimsOf({ ledger: { ratio: { event, correction: 1, old_left: 90 } } })[0]?.reached
  expect([of(1.1), of(1.11)]).toEqual([true, false])
})

test('what was not measured has no aim', () => {
  expect(aimsOf({})).toEqual([])
})
