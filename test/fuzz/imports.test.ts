/** A part of `./strandline fuzz`: bad files through the import functions. */
import { expect, test } from 'vitest'
import { fuzzImports } from '../../fuzz/imports/run.ts'

test('bad files are taken, or refused with where and why, and bring in nothing that is no number', async () => {
  const { taken, refused, failures } = await fuzzImports({
    seed: Number(process.env.FUZZ_SEED ?? 1),
    count: Number(process.env.FUZZ_COUNT ?? 1_000),
  })
  expect(failures).toEqual([])
  expect(taken).toBeGreaterThan(100)
  expect(refused).toBeGreaterThan(100)
})
