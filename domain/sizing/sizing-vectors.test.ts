/** The rule shrunk against reference vectors that share no code with it. */
import { describe, expect, test } from 'vitest'
import { loadModel } from '../../core/load-model.ts'
import {
  expectSizes,
  expectWeights,
  leverSource,
  readSizingCases,
  type SizingCase,
} from '../../test/support/sizing-vectors.ts'
import { partitionsOf } from '../../test/support/vectors.ts'
import type { Model } from '../learning/model.ts'
import { createOfflineFold } from '../learning/offline.ts'
import { product } from './allocation.ts'
import { coefficientKeys, factorKeys, learnedFactors } from './factors.ts'

const cases = readSizingCases()
const runs = (cases ?? []).flatMap((of) => Object.keys(of.expect).map((model) => ({ ...of, model })))

describe.skipIf(!cases)('what a log teaches about sizes', () => {
  test.each(runs)('$name by $model', async (of) => {
    for (const partitions of [1, 3]) await check(of, loadModel(of.model), partitions)
  })
})

async function check(of: SizingCase, model: Model, partitions: number): Promise<void> {
  const fold = createOfflineFold(model)
  for (const [partition, events] of partitionsOf(of.events, partitions).entries())
    expect(await fold.add(events, partition)).toEqual([])
  const expected = of.expect[model.definition.name] as SizingCase['expect'][string]
  expectWeights(fold.result().coefficients, expected)
  const evidenceOf = fold.evidence()
  const sizes = of.contexts.map((context) => {
    const keys = factorKeys(model, coefficientKeys(model, leverSource(context)))
    return product(keys, learnedFactors(model, keys, evidenceOf), model.definition)
  })
  expectSizes(sizes, expected)
}
