/** Which models were tried on a log: one answer, whichever adapter gives it. */
import { expect, test } from 'vitest'
import { createMemoryVerdicts } from '../../replay/memory-verdicts.ts'
import { createVerdictStore } from '../../replay/verdict-store.ts'
import { adapters, useWays, WAYS } from './ways.ts'

const ways = useWays(...WAYS)
const verdictsOf = adapters(createMemoryVerdicts, createVerdictStore)

test.each(WAYS)('%s: every try is kept, the newest answer of each', async (name) => {
  const store = verdictsOf(ways[name])
  expect(await store.tried('t')).toEqual([])
  const one = { hash: 'b', since: 0, model: 'lowcap-v5', p: 0.25, trades: 10 }
  await store.note('t', [one, { ...one, since: 1_767_225_600_000, p: 0.5 }])
  await store.note('t', [])
  await store.note('u', [{ ...one, hash: 'c' }])
  await store.note('t', [
    { ...one, p: 0.002 },
    { ...one, hash: 'a' },
  ])
  expect(await store.tried('t')).toEqual([
    { hash: 'a', since: 0, p: 0.25 },
    { hash: 'b', since: 0, p: 0.002 },
    { hash: 'b', since: 1_767_225_600_000, p: 0.5 },
  ])
  expect(await store.tried('u')).toEqual([{ hash: 'c', since: 0, p: 0.25 }])
})
