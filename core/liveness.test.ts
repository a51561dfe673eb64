import { expect, test } from 'vitest'
import { createLiveness, startWatchdog } from './liveness.ts'

test('a loop that beats in time lives, one that does not is named, with since when', () => {
  const liveness = createLiveness()
  const relay = liveness.loop('The relay', 100_000)
  const tick = liveness.loop('The tick of 1m', 160_000)
  relay.beat()
  tick.beat()
  liveness.passed(90_000)
  relay.beat()
  liveness.passed(60_000)
  expect(liveness.failure()).toBeNull()
  liveness.passed(50_000)
  expect(liveness.failure()).toBe('The relay has not moved for 110 s.')
  relay.beat()
  expect(liveness.failure()).toBe('The tick of 1m has not moved for 200 s.')
})

test('nothing is expected of a loop before its first beat, nor while it rests', () => {
  const liveness = createLiveness()
  const flush = liveness.loop('The flush', 1_000)
  liveness.passed(10_000)
  expect(liveness.failure()).toBeNull()
  flush.beat()
  flush.rest()
  liveness.passed(10_000)
  expect(liveness.failure()).toBeNull()
  flush.beat()
  liveness.passed(10_000)
  expect(liveness.failure()).toBe('The flush has not moved for 10 s.')
})

test('a loop that ended is dead at once, unless it was told to stop', async () => {
  const stopping = new AbortController()
  const stopped = createLiveness()
  stopping.abort()
  const over = Promise.resolve()
  stopped.keeps('The bridge', over, stopping.signal)
  await over
  expect(stopped.failure()).toBeNull()

  const running = new AbortController().signal
  const threw = createLiveness()
  const failed = Promise.reject(new Error('ENOSPC'))
  threw.keeps('The bridge', failed, running)
  await failed.catch(() => {})
  expect(threw.failure()).toBe('The bridge ended unasked: ENOSPC.')
  const returned = createLiveness()
  returned.keeps('The bridge', over, running)
  await over
  expect(returned.failure()).toBe('The bridge ended unasked.')
})

test('the watchdog tells of a dead loop', async () => {
  let alive: NodeJS.Timeout | undefined
  const liveness = createLiveness()
  liveness.loop('The relay', 5).beat()
  const told = await new Promise<string>((resolve) => {
    startWatchdog(liveness, resolve, 2)
    alive = setInterval(() => {}, 1_000) // the watchdog itself keeps no process alive
  })
  clearInterval(alive)
  expect(told).toMatch(/^The relay has not moved for \d+ s\.$/)
})
