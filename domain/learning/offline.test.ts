import { describe, expect, it } from 'vitest'
import { loadModel } from '../../core/load-model.ts'
import { closedTrade } from '../../test/support/closed-trade.ts'
import { partitionsOf, readVectors } from '../../test/support/vectors.ts'
import { createOfflineFold } from './offline.ts'

const model = loadModel('lowcap-v4')
const vectors = readVectors()

describe.skipIf(vectors === null)('the reference vectors, folded offline', () => {
  for (const { name, events, check } of vectors ?? [])
    it.each([1, 3, 6])(`${name} in %i partitions`, async (count) => {
      const fold = createOfflineFold(model)
      for (const [partition, log] of partitionsOf(events, count).entries()) {
        // an event at a time, in turns with others, or a whole partition at once: the same
        if (partition % 2) for (const event of log) expect(await fold.add([event], partition)).toEqual([])
        else expect(await fold.add(log, partition)).toEqual([])
      }
      check(fold.result())
    })
})

describe('an offline fold', () => {
  it('of nothing has nothing', () => {
    expect(createOfflineFold(model).result()).toEqual({
      global_rr: { rr_short: null, rr_long: null, n: 0 },
      coefficients: [],
      spread: null,
    })
  })

  it('names what it refuses, and folds the rest', async () => {
    const fold = createOfflineFold(model)
    const bad = closedTrade({ event_id: 'bad', rr: Number.NaN })
    const long = closedTrade({ event_id: 'long', levers: { curator: 'x'.repeat(3_000) } })
    const refused = await fold.add([bad, closedTrade(), long])
    expect(refused.map((r) => [r.event.event_id, r.rejection.reason])).toEqual([['bad', 'rr_not_finite']])
    expect(fold.result().global_rr.n).toBe(2) // the long value is none, its trade is one
  })

  it('leaves to other models what is theirs', async () => {
    const fold = createOfflineFold(model)
    expect(await fold.add([closedTrade({ source: 'import:freqtrade' })])).toEqual([])
    expect(fold.result().global_rr.n).toBe(0)
  })

  it('lists scope, name and key in the order of their code units', async () => {
    const fold = createOfflineFold(model)
    await fold.add(
      ['b', 'B', 'ä', 'a'].map((curator, i) => closedTrade({ event_id: `e${i}`, levers: { curator }, measures: {} })),
    )
    const keys = fold
      .result()
      .coefficients.filter((c) => c.name === 'curator')
      .map((c) => c.key)
    expect(keys).toEqual(['B', 'a', 'b', 'ä'])
  })
})
