import { expect, test } from 'vitest'
import { createKept } from './kept.ts'

const make = (size: number, made: number[]) => async () => {
  made.push(size)
  return new Array<number>(size).fill(0)
}

test('what is asked for at once is made once, and kept', async () => {
  const made: number[] = []
  const kept = createKept<number[]>(10, (v) => v.length)
  const [a, b] = await Promise.all([kept.get('a', make(3, made)), kept.get('a', make(3, made))])
  expect(a).toBe(b)
  expect(await kept.get('a', make(3, made))).toBe(a)
  expect(made).toEqual([3])
})

test('a failure is not kept', async () => {
  const kept = createKept<number[]>(10, (v) => v.length)
  const fails = () => Promise.reject(new Error('away'))
  await expect(kept.get('a', fails)).rejects.toThrow('away')
  expect(await kept.get('a', make(1, []))).toEqual([0])
})

test('there is room for so much; one that is larger than all of it is kept alone', async () => {
  const made: number[] = []
  const kept = createKept<number[]>(10, (v) => v.length)
  for (const key of ['a', 'b', 'c']) await kept.get(key, make(4, made))
  await kept.get('c', make(4, made))
  expect(made).toHaveLength(3)
  await kept.get('a', make(4, made)) // had to go
  expect(made).toHaveLength(4)
  await kept.get('huge', make(50, made))
  await kept.get('huge', make(50, made))
  expect(made).toHaveLength(5)
})
