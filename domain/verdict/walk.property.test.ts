/** The walk computes what depends on times alone once: whatever the trades are, sizes are those of a fold of what was known before each entry. */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { loadModel } from '../../core/load-model.ts'
import { closedTrade } from '../../test/support/closed-trade.ts'
import type { PositionClosed } from '../event.ts'
import { createOfflineFold } from '../learning/offline.ts'
import { tradeOf } from '../learning/trade-table.ts'
import { product } from '../sizing/allocation.ts'
import { coefficientKeys, factorKeys, learnedFactors } from '../sizing/factors.ts'
import { planWalk } from './walk.ts'

const DAY = 86_400_000
const START = Date.UTC(2025, 0, 1)

const logs = fc.array(
  fc.record({
    entry: fc.integer({ min: 0, max: 400 }),
    held: fc.integer({ min: 0, max: 90 }),
    late: fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 40 })),
    rr: fc.double({ min: -10, max: 10, noNaN: true }),
    curator: fc.constantFrom('a', 'b', '%|', ''),
    chain: fc.constantFrom('base', 'solana'),
    intent: fc.constantFrom('x', ''),
  }),
  { minLength: 1, maxLength: 30 },
)

test.each(['lowcap-v4', 'lowcap-v5', 'lowcap-return'])('by %s', async (name) => {
  const model = loadModel(name)
  await fc.assert(
    fc.asyncProperty(logs, async (log) => {
      const trades = log.map(({ entry, held, late, rr, ...levers }, i) => ({
        event: closedTrade({
          event_id: `trade ${i}`,
          opened_at: START + entry * DAY,
          closed_at: START + (entry + held) * DAY,
          rr,
          return: rr / 7,
          levers,
        }),
        known_at: START + (entry + held + late) * DAY,
      }))
      const learned = trades.map(({ event }) => tradeOf(model, event, 0, 0))
      const walk = planWalk(
        model,
        trades.map(({ event, known_at }, i) => ({ ...event, known_at, groups: learned[i]?.groups ?? [] })),
      )
      const sizes = walk(Float64Array.from(learned, (t) => t.rr as number))
      for (const [i, { event }] of trades.entries()) {
        const known = trades.filter((t) => t.known_at < event.opened_at).map((t) => t.event)
        const should = await sizeAfter(known, event)
        const is = sizes[i] as number
        if (!(Math.abs(is - should) <= 1e-9 * should)) expect(is, `trade ${i}`).toBe(should)
      }
    }),
    { numRuns: 150 },
  )

  async function sizeAfter(known: readonly PositionClosed[], event: PositionClosed): Promise<number> {
    const fold = createOfflineFold(model)
    expect(await fold.add(known)).toEqual([])
    const keys = factorKeys(model, coefficientKeys(model, event))
    return product(keys, learnedFactors(model, keys, fold.evidence()), model.definition).multiplier
  }
})
