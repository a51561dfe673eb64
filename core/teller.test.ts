import { afterEach, expect, test, vi } from 'vitest'
import { createTeller, TELL_EVERY_MS, tellDuring } from './teller.ts'

afterEach(() => vi.useRealTimers())

test('a loop says what it waits for once in ten seconds, counted from when something last came', async () => {
  let now = 0
  const said: string[] = []
  const waiting = createTeller(
    (sentence) => said.push(sentence),
    () => `at ${now}`,
    () => now,
  )
  for (now = 1_000; now <= 25_000; now += 1_000) await waiting()
  expect(said).toEqual(['at 10000', 'at 20000'])
  waiting.moved()
  for (; now < 36_000; now += 1_000) await waiting()
  expect(said).toEqual(['at 10000', 'at 20000'])
  await waiting()
  expect(said.at(-1)).toBe('at 36000')
})

test('work without a loop is told of until it ends, also where it fails', async () => {
  vi.useFakeTimers()
  const said: string[] = []
  const { promise, reject } = Promise.withResolvers<void>()
  const work = tellDuring(
    promise,
    (sentence) => said.push(sentence),
    () => 'waits',
  )
  vi.advanceTimersByTime(2 * TELL_EVERY_MS)
  reject(new Error('over'))
  await expect(work).rejects.toThrow('over')
  vi.advanceTimersByTime(2 * TELL_EVERY_MS)
  expect(said).toEqual(['waits', 'waits'])
})
