import { expect, test } from 'vitest'
import { closedTrade } from '../test/support/closed-trade.ts'
import type { PositionClosed } from './event.ts'
import { fitEvent } from './limits.ts'
import { learnedNumbersOf } from './trade-numbers.ts'
import { checkEvent } from './validation.ts'

const said = { net_return: -1.2, fees: -0.01, stake: 1e-9, risk_at_entry: 1, provisional: true }

test('what a trade may come to stays: a loss beyond the stake with leverage, fees that were a rebate, a stop at zero', () => {
  const event = closedTrade(said)
  expect(fitEvent(event)).toEqual({ event, excess: [] })
  expect(learnedNumbersOf(event)).toEqual({ return: 0.5, net_return: -1.2, risk_at_entry: 1 })
})

test.each<[Partial<PositionClosed>, string, string]>([
  [{ net_return: Number.NaN }, 'net_return', 'is NaN, not a finite number'],
  [{ fees: Number.POSITIVE_INFINITY }, 'fees', 'is Infinity, not a finite number'],
  [{ stake: 0 }, 'stake', 'is 0, not above 0'],
  [{ risk_at_entry: 0 }, 'risk_at_entry', 'is 0, not a fraction of the entry price'],
  [{ risk_at_entry: 5 }, 'risk_at_entry', 'is 5, not a fraction of the entry price (above 0, up to 1; 0.05 is 5 %)'],
])('%j is left out by whoever publishes, and named; the trade is not', (changes, field, problem) => {
  const { event, excess } = fitEvent(closedTrade({ ...said, ...changes }))
  expect(event).toEqual({ ...closedTrade(said), [field]: null, left_out: [field] })
  expect(excess).toEqual([{ field, problem: expect.stringContaining(problem) }])
})

test('a number that is none costs the trade nothing, and is learned by nobody', () => {
  const event = closedTrade({ return: Number.NaN, net_return: Number.NEGATIVE_INFINITY, risk_at_entry: 5 })
  expect(checkEvent(event, Buffer.from('p-1'), event.closed_at)).toBeNull()
  expect(learnedNumbersOf(event)).toEqual({ return: null, net_return: null, risk_at_entry: null })
})
