import { expect, test } from 'vitest'
import type { VersionSize } from '../../services/learner/version-sizes.ts'
import { createKeptSizes } from './kept-sizes.ts'

function counting() {
  let now = 0
  let asked = 0
  let end: (failed?: boolean) => void = () => undefined
  const read = () => {
    asked++
    return new Promise<Map<number, VersionSize>>((resolve, reject) => {
      end = (failed) => (failed ? reject(new Error('away')) : resolve(new Map([[asked, {} as VersionSize]])))
    })
  }
  return {
    sizes: createKeptSizes(read, { now: () => now }),
    asked: () => asked,
    async ends(at: number, failed?: boolean) {
      now = at
      end(failed)
      await new Promise(setImmediate)
    },
    at(ms: number) {
      now = ms
    },
  }
}

test('it counts once at a time, and again when nine times as long has passed as that took', async () => {
  const { sizes, asked, ends, at } = counting()
  const [first, second] = [sizes(), sizes()]
  await ends(100)
  expect(await first).toBe(await second)
  at(999)
  expect(await sizes()).toBe(await first)
  expect(asked()).toBe(1)
  at(1_000)
  void sizes()
  expect(asked()).toBe(2)
})

test('what failed is asked again at once', async () => {
  const { sizes, asked, ends } = counting()
  const first = sizes()
  first.catch(() => undefined)
  await ends(5_000, true)
  await expect(first).rejects.toThrow('away')
  void sizes()
  expect(asked()).toBe(2)
})
