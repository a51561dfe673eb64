import { expect, test } from 'vitest'
import { createHeldLag } from './held-lag.ts'

const range = (end: number, start = 0) => [{ partition: 0, start, end }]
const at = (checkpoint: number | null) => new Map([[0, checkpoint]])

/** Partition 0, behind by 10 since second 100, its oldest record of second 90. */
function behind() {
  const lag = createHeldLag()
  lag.measured([0], at(50), range(60), 100_000)
  expect(lag.unknown()).toEqual(new Map([[0, 50]]))
  lag.written(new Map([[0, 90_000]]))
  return lag
}

test('the lag in records follows the end of the log while nothing is consumed', () => {
  const lag = behind()
  expect(lag.records(0)).toBe(10)
  lag.measured([0], at(50), range(75), 105_000)
  expect(lag.records(0)).toBe(25)
})

test('the age of the oldest record grows by itself, and is read once', () => {
  const lag = behind()
  expect(lag.seconds(0, 100_000)).toBe(10)
  expect(lag.seconds(0, 130_000)).toBe(40)
  lag.measured([0], at(50), range(75), 105_000)
  expect(lag.unknown().size).toBe(0)
})

test('a commit shortens it at once; what is left is not older than what was applied, and is read again', () => {
  const lag = behind()
  lag.applied({ partition: 0, next: 55, end: 60, timestamp: 95_000, now: 101_000 })
  expect([lag.records(0), lag.seconds(0, 101_000)]).toEqual([5, 6])
  expect(lag.unknown()).toEqual(new Map([[0, 55]]))
  lag.applied({ partition: 0, next: 60, end: 60, timestamp: 99_000, now: 102_000 })
  expect([lag.records(0), lag.seconds(0, 102_000), lag.unknown().size]).toEqual([0, 0, 0])
})

test('a measurement that began before a commit does not take it back', () => {
  const lag = behind()
  lag.applied({ partition: 0, next: 60, end: 60, timestamp: 99_000, now: 102_000 })
  lag.measured([0], at(50), range(60), 103_000)
  expect(lag.records(0)).toBe(0)
})

test('a replay below the checkpoint changes nothing', () => {
  const lag = behind()
  lag.applied({ partition: 0, next: 20, end: 60, timestamp: 1, now: 102_000 })
  expect([lag.records(0), lag.seconds(0, 102_000)]).toEqual([10, 12])
})

test('a partition that has no checkpoint is behind from the start of the log', () => {
  const lag = createHeldLag()
  lag.measured([0], at(null), range(60, 40), 0)
  expect(lag.records(0)).toBe(20)
})

test('a partition that another process holds now is not ours to report', () => {
  const lag = behind()
  lag.measured([], at(50), range(60), 105_000)
  expect(lag.partitions()).toEqual([])
})

test('records that wait for a minute without any progress are stuck; progress, or an end, is over it', () => {
  const lag = behind()
  expect(lag.stuck(160_000, 60_000)).toEqual([])
  expect(lag.stuck(161_000, 60_000)).toEqual([{ partition: 0, records: 10, seconds: 61 }])
  lag.measured([0], at(51), range(60), 161_000)
  lag.written(new Map([[0, 91_000]]))
  expect(lag.stuck(161_000, 60_000)).toEqual([])
})

test('waiting begins with the first record that waits, not with the last one that was applied', () => {
  const lag = createHeldLag()
  lag.measured([0], at(60), range(60), 0)
  lag.measured([0], at(60), range(61), 500_000)
  lag.written(new Map([[0, 499_000]]))
  expect(lag.stuck(510_000, 60_000)).toEqual([])
})

test('control records at the end of the log, which nobody can read, are not stuck', () => {
  const lag = createHeldLag()
  lag.measured([0], at(59), range(60), 0)
  lag.written(new Map([[0, null]]))
  expect([lag.records(0), lag.seconds(0, 900_000), lag.stuck(900_000, 60_000)]).toEqual([1, 0, []])
})
