import { expect, test } from 'vitest'
import { createGroupOffsets } from './group-offsets.ts'

/** Requests as the broker sees them, each answered by `answer`; and a clock whose quarter of a second is over when `tick` says so. */
function broker() {
  const requests: [partition: number, offset: number][][] = []
  const slept: number[] = []
  let wake = () => {}
  let answer = () => {}
  const offsets = createGroupOffsets(
    (sent) => {
      requests.push([...sent])
      return new Promise((resolve) => {
        answer = resolve
      })
    },
    {
      sleep: (ms) => {
        slept.push(ms)
        return new Promise((resolve) => {
          wake = resolve
        })
      },
    },
  )
  const settled = () => new Promise((resolve) => setImmediate(resolve))
  return {
    offsets,
    requests,
    slept,
    async answer() {
      answer()
      await settled()
    },
    async tick() {
      wake()
      await settled()
    },
    settled,
  }
}

test('the first offset goes at once, and what is noted in the same turn travels with it', async () => {
  const { offsets, requests, settled } = broker()
  offsets.note(0, 10)
  offsets.note(1, 20)
  await settled()
  expect(requests).toEqual([
    [
      [0, 10],
      [1, 20],
    ],
  ])
})

test('while one is under way, and for a quarter of a second after it, the newest of each partition waits', async () => {
  const { offsets, requests, slept, answer, tick, settled } = broker()
  offsets.note(0, 1)
  await settled()
  for (let offset = 2; offset <= 100; offset++) offsets.note(0, offset)
  await settled()
  await answer()
  for (let offset = 101; offset <= 200; offset++) offsets.note(0, offset)
  offsets.note(1, 7)
  await settled()
  expect(requests).toEqual([[[0, 1]]])
  expect(slept).toEqual([250])
  await tick()
  expect(requests.slice(1)).toEqual([
    [
      [0, 200],
      [1, 7],
    ],
  ])
})

test('after a quiet quarter of a second the next goes at once again', async () => {
  const { offsets, requests, answer, tick, settled } = broker()
  offsets.note(0, 1)
  await settled()
  await answer()
  await tick()
  offsets.note(0, 2)
  await settled()
  expect(requests).toEqual([[[0, 1]], [[0, 2]]])
})

test('a flush sends what waits behind the request that is under way, and is over when both are answered', async () => {
  const { offsets, requests, answer, settled } = broker()
  offsets.note(0, 1)
  await settled()
  offsets.note(0, 2)
  let flushed = false
  const flush = offsets.flush().then(() => {
    flushed = true
  })
  await settled()
  expect(requests).toEqual([[[0, 1]]]) // two at a time could reach the broker in the wrong order
  await answer()
  expect(requests).toEqual([[[0, 1]], [[0, 2]]])
  expect(flushed).toBe(false)
  await answer()
  await flush
})

test('what is dropped is not sent', async () => {
  const { offsets, requests, answer, tick, settled } = broker()
  offsets.note(0, 1)
  await settled()
  offsets.note(0, 2)
  offsets.drop()
  await answer()
  await tick()
  await offsets.flush()
  expect(requests).toEqual([[[0, 1]]])
})
