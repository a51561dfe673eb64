import { describe, expect, it } from 'vitest'
import { createFetchPace } from './fetch-pace.ts'

/** A clock that moves by hand; `sleeping` counts who waits. */
function handClock() {
  let now = 0
  let sleepers: { at: number; wake: () => void }[] = []
  return {
    monotonic: () => now,
    sleep: (ms: number, signal?: AbortSignal) =>
      new Promise<void>((resolve) => {
        const sleeper = { at: now + ms, wake: resolve }
        sleepers.push(sleeper)
        signal?.addEventListener('abort', () => {
          sleepers = sleepers.filter((s) => s !== sleeper)
          resolve()
        })
      }),
    sleeping: () => sleepers.length,
    async pass(ms: number) {
      now += ms
      for (const due of sleepers.filter((s) => s.at <= now)) due.wake()
      sleepers = sleepers.filter((s) => s.at > now)
      await Promise.resolve()
    },
  }
}

describe('the pace of a consumer that may wait', () => {
  it('makes at most four fetches a second of a hundred records a second', async () => {
    const clock = handClock()
    const pace = createFetchPace(250, clock)
    let fetches = 0
    let resting: Promise<void> | undefined
    for (let ms = 0; ms < 2_000; ms += 10) {
      if (clock.sleeping() === 0) {
        fetches++
        resting = pace.rest(false)
      }
      await clock.pass(10)
    }
    await clock.pass(250)
    await resting
    expect(fetches).toBe(8)
  })

  it('lets all batches of one fetch rest until the same moment', async () => {
    const clock = handClock()
    const pace = createFetchPace(250, clock)
    const first = pace.rest(false)
    await clock.pass(40)
    const second = pace.rest(false)
    expect(clock.sleeping()).toBe(2)
    await clock.pass(210)
    await Promise.all([first, second])
  })

  it('rests no longer where the clock was set back', async () => {
    const clock = handClock()
    const pace = createFetchPace(250, clock)
    await Promise.all([pace.rest(false), clock.pass(250)])
    await clock.pass(-3_600_000)
    await Promise.all([pace.rest(false), clock.pass(250)])
  })

  it('holds up nobody who is behind, neither before nor after the batches of others', async () => {
    const clock = handClock()
    const pace = createFetchPace(250, clock)
    const other = pace.rest(false)
    await pace.rest(true)
    await other
    await pace.rest(false)
    expect(clock.sleeping()).toBe(0)
    await clock.pass(250)
    void pace.rest(false)
    expect(clock.sleeping()).toBe(1) // caught up: it rests again
  })
})
