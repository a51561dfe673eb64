import { pino } from 'pino'
import { expect, test } from 'vitest'
import type { Logger } from '../../core/logger.ts'
import type { Mark, Outbox } from '../../core/store/outbox-store.ts'
import { createMarker } from './publish-marks.ts'

const mark = (id: number): Mark => [id, 0, id]

/** An outbox whose marks are answered, or refused, by hand; and a clock that sleeps until it is woken or the signal says so. */
function stage() {
  const calls: number[][] = []
  const slept: number[] = []
  let answer = (_refused: number[] | Error) => {}
  let wake = () => {}
  const stopping = new AbortController()
  const outbox = {
    published: (_topic: string, marks: Mark[]) => {
      calls.push(marks.map(([id]) => id))
      return new Promise((resolve, reject) => {
        answer = (refused) => (refused instanceof Error ? reject(refused) : resolve({ marked: marks.length, refused }))
      })
    },
    release: async () => {},
  } as unknown as Outbox
  const clock = {
    now: () => 0,
    monotonic: () => 0,
    sleep: (ms: number, signal?: AbortSignal) => {
      slept.push(ms)
      return new Promise<void>((resolve) => {
        wake = resolve
        if (signal?.aborted) resolve()
        signal?.addEventListener('abort', () => resolve())
      })
    },
  }
  const logger = pino({ level: 'silent' }) as unknown as Logger
  const marker = createMarker(outbox, 't', clock, logger, stopping.signal)
  const turn = () => new Promise((resolve) => setImmediate(resolve))
  return {
    marker,
    calls,
    slept,
    stopping,
    async answer(refused: number[] | Error = []) {
      answer(refused)
      await turn()
    },
    async wake() {
      wake()
      await turn()
    },
  }
}

test('what is published while a call is under way, and for a tenth of a second after it, is marked by one call', async () => {
  const { marker, calls, slept, answer, wake } = stage()
  marker.add([mark(1)])
  marker.add([mark(2)])
  await answer()
  marker.add([mark(3)])
  expect([calls, slept]).toEqual([[[1]], [100]])
  await wake()
  expect(calls).toEqual([[1], [2, 3]])
})

test('whoever waits for the marks is not kept for the tenth of a second, nor for what comes later', async () => {
  const { marker, calls, answer } = stage()
  marker.add([mark(1)])
  await answer()
  marker.add([mark(2)])
  let idle = false
  const waits = marker.idle().then(() => {
    idle = true
  })
  await new Promise((resolve) => setImmediate(resolve))
  expect(calls).toEqual([[1], [2]])
  marker.add([mark(3)])
  expect(idle).toBe(false)
  await answer()
  await waits // although 3 is not marked
})

test('a call that failed is repeated before the ones behind it', async () => {
  const { marker, calls, answer, wake } = stage()
  marker.add([mark(1)])
  marker.add([mark(2)])
  await answer(new Error('away'))
  await wake()
  expect(calls).toEqual([[1], [1, 2]])
})

test('when it stops, what cannot be marked is given up after a few attempts, and nobody waits any longer', async () => {
  const { marker, calls, stopping, answer, wake } = stage()
  stopping.abort()
  marker.add([mark(1)])
  const idle = marker.idle()
  for (let attempt = 0; attempt < 3; attempt++) {
    await answer(new Error('away'))
    await wake()
  }
  await idle
  expect(calls).toHaveLength(3)
})
