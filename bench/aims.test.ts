import { expect, test } from 'vitest'
import { aimsOf, MIB } from './aims.ts'

const rate = (few: number, distinct: number) => ({
  few: { events_per_s: few, rounds: [], cpu_s: {} },
  distinct: { events_per_s: distinct, rounds: [], cpu_s: {} },
})

test('an aim is reached or not by the ratio of rates', () => {
  const aims = aimsOf({
    throughput: { rates: { reader: rate(200, 190), learner: rate(90, 39), streams: rate(30, 20) } },
  })
  expect(aims.map((a) => [a.value, a.reached])).toEqual([
    [3, true],
    [1.95, false],
    [0.45, true],
  ])
})

test('without a JDK the ratio to Kafka Streams is unknown, which is neither reached nor missed', () => {
  const aims = aimsOf({ throughput: { rates: { reader: rate(200, 190), learner: rate(70, 39) } } })
  expect(aims.map((a) => a.reached)).toEqual([null, null, false])
})

test('memory counts where it was highest', () => {
  const of = (few: number, distinct: number) => aimsOf({ memory: { few: few * MIB, distinct: distinct * MIB } })[0]
  expect(of(300, 511.9)?.reached).toBe(true)
  expect(of(512, 300)).toMatchObject({ value: 512, reached: false })
})

test('latency counts by its p99, the ledger by the ratio of its medians', () => {
  const aims = aimsOf({
    latency: { close_to_coefficient: { p50: 12, p99: 99.5, max: 400 } },
    ledger: { ratio: { event: 1.3, correction: 1, old_left: 90 } },
  })
  expect(aims.map((a) => a.reached)).toEqual([true, false])
})

test('what was not measured has no aim', () => {
  expect(aimsOf({})).toEqual([])
})
