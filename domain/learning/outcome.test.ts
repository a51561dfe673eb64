import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { createOutcomeReader, LEAST_OUTCOME, learnedOutcome, type OutcomeSource } from './outcome.ts'

const trade = (changes: Partial<OutcomeSource> & { measures?: Record<string, number> } = {}): OutcomeSource => ({
  rr: 2,
  return: 0.1,
  net_return: 0.08,
  risk_at_entry: 0.05,
  measure: (name) => changes.measures?.[name],
  ...changes,
})

describe('an outcome', () => {
  test('is R/R where the model does not say', () => {
    expect(createOutcomeReader({})(trade())).toBe(2)
    expect(learnedOutcome({})).toBe('rr')
  })

  test.each([
    ['rr', 2],
    ['return', 0.1],
    ['net_return', 0.08],
  ] as const)('%s is that number of the trade', (outcome, is) => {
    expect(createOutcomeReader({ outcome })(trade())).toBe(is)
    expect(createOutcomeReader({ outcome })(trade({ [outcome]: null }))).toBeNull()
    // whatever else of it there is not
    expect(createOutcomeReader({ outcome })({ ...NOTHING, [outcome]: is })).toBe(is)
  })

  test('per a measure is that many times of it', () => {
    const perRisk = createOutcomeReader({ outcome: { of: 'return', per: 'risk_at_entry' } })
    expect(perRisk(trade())).toBe(2)
    expect(perRisk(trade({ return: null }))).toBeNull()
    expect(perRisk(trade({ risk_at_entry: null }))).toBeNull()
    // as the entry context has it, where the event says nothing
    expect(perRisk(trade({ risk_at_entry: null, measures: { risk_at_entry: 0.2 } }))).toBe(0.5)
    const perVolume = createOutcomeReader({ outcome: { of: 'net_return', per: 'vol_at_entry' } })
    expect(perVolume(trade({ measures: { vol_at_entry: 4 } }))).toBe(0.02)
    for (const vol_at_entry of [0, -1, Number.NaN]) expect(perVolume(trade({ measures: { vol_at_entry } }))).toBeNull()
    expect(perVolume(trade())).toBeNull()
  })

  test('lies within the bounds of the model, after it was divided', () => {
    const outcome = { of: 'return', per: 'risk_at_entry' } as const
    const read = createOutcomeReader({ outcome, clamp: { min: -1, max: 3 } })
    expect(read(trade({ return: 5 }))).toBe(3)
    expect(read(trade({ return: -0.9 }))).toBe(-1)
    expect(read(trade())).toBe(2)
    expect(createOutcomeReader({ clamp: { min: 3, max: 4 } })(trade())).toBe(3)
  })

  test('of next to nothing is nothing, and one beyond all numbers is none', () => {
    const read = createOutcomeReader({ outcome: 'return' })
    expect(read(trade({ return: LEAST_OUTCOME / 2 }))).toBe(0)
    expect(read(trade({ return: -LEAST_OUTCOME / 2 }))).toBe(0)
    expect(read(trade({ return: LEAST_OUTCOME }))).toBe(LEAST_OUTCOME)
    for (const gross of [Number.NaN, Number.POSITIVE_INFINITY]) expect(read(trade({ return: gross }))).toBeNull()
    const perRisk = createOutcomeReader({ outcome: { of: 'return', per: 'risk_at_entry' } })
    expect(perRisk(trade({ return: 1, risk_at_entry: 5e-324 }))).toBeNull()
  })

  test('is none, or a finite number within the bounds that has a square, whatever the trade says', () => {
    const number = fc.option(fc.double())
    fc.assert(
      fc.property(
        fc.constantFrom('rr', 'return', 'net_return'),
        fc.constantFrom(undefined, 'risk_at_entry', 'm'),
        fc.record({ rr: number, return: number, net_return: number, risk_at_entry: number }),
        fc.double(),
        (of, per, numbers, m) => {
          const outcome = per === undefined ? of : { of, per }
          const value = createOutcomeReader({ outcome, clamp: { min: -2, max: 3 } })({ ...numbers, measure: () => m })
          if (value === null) return
          expect(value).toBeGreaterThanOrEqual(-2)
          expect(value).toBeLessThanOrEqual(3)
          expect(value === 0 || value * value > 0).toBe(true)
        },
      ),
    )
  })
})

const NOTHING: OutcomeSource = {
  rr: null,
  return: null,
  net_return: null,
  risk_at_entry: null,
  measure: () => undefined,
}
