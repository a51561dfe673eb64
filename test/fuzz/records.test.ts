/** A part of `./strandline fuzz`: bad records through the real codec, learner and projector, over stores in memory. */
import { expect, test } from 'vitest'
import { REJECT_REASONS } from '../../domain/validation.ts'
import { makeRecord } from '../../fuzz/records/mutate.ts'
import { fuzzRecords } from '../../fuzz/records/run.ts'

test('bad records are applied or refused with a reason, alike by everybody who reads them, and leave sums that are right', async () => {
  const { applied, refused, failures } = await fuzzRecords({
    seed: Number(process.env.FUZZ_SEED ?? 1),
    count: Number(process.env.FUZZ_COUNT ?? 4_000),
  })
  expect(failures).toEqual([])
  expect(applied).toBeGreaterThan(1_000)
  // a batch comes from a broker: test/learner/poison.int.test.ts
  for (const reason of REJECT_REASONS.filter((r) => r !== 'batch_too_large'))
    expect(refused[reason], reason).toBeGreaterThan(0)
})

test('a number of a seed is the same record again', () => {
  for (let number = 0; number < 200; number++) expect(makeRecord(7, number)).toEqual(makeRecord(7, number))
  expect(makeRecord(7, 1)).not.toEqual(makeRecord(8, 1))
})
