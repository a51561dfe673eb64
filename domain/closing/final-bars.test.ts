import { expect, test } from 'vitest'
import { barsAreFinal, type ExitBars, waitsUntil } from './final-bars.ts'

const MIN = 60_000
const trade = { timeframe: '15m', opened_at: 5 * MIN, closed_at: 40 * MIN }
const known = (change: Partial<ExitBars>): ExitBars => ({ exit_bar: null, later_bar: false, now: 300 * MIN, ...change })

test('nothing is final while neither the bar that covers the exit is there nor a later one', () => {
  expect(barsAreFinal(trade, known({}))).toBe(false)
  expect(barsAreFinal(trade, known({ exit_bar: 30 * MIN }))).toBe(true)
  expect(barsAreFinal(trade, known({ later_bar: true, now: 0 }))).toBe(true) // nobody traded in between
})

test('a bar that runs may be written again until shortly after its end', () => {
  const at = (minute: number) => barsAreFinal(trade, known({ exit_bar: 30 * MIN, now: minute * MIN }))
  expect([at(40), at(45), at(49.9), at(50)]).toEqual([false, false, false, true])
  const short = { ...trade, timeframe: '1m' }
  const ofOneMinute = (minute: number) => barsAreFinal(short, known({ exit_bar: 39 * MIN, now: minute * MIN }))
  expect([ofOneMinute(40.9), ofOneMinute(41)]).toEqual([false, true])
})

test('an exit between two bars is covered by the one that ends there', () => {
  const between = { ...trade, closed_at: 45 * MIN }
  expect(barsAreFinal(between, known({ exit_bar: 30 * MIN }))).toBe(true)
  expect(barsAreFinal(between, known({ exit_bar: 15 * MIN }))).toBe(false)
})

test('a trade that opened and closed in one instant is covered by the bar that contains it', () => {
  const instant = { ...trade, opened_at: 45 * MIN, closed_at: 45 * MIN }
  expect(barsAreFinal(instant, known({ exit_bar: 30 * MIN }))).toBe(false) // it ends there
  expect(barsAreFinal(instant, known({ exit_bar: 45 * MIN }))).toBe(true)
  expect(barsAreFinal(instant, known({ exit_bar: 45 * MIN, now: 60 * MIN }))).toBe(false)
})

test('bars are waited for three days from the close, or from when the last one can be there', () => {
  const days = 3 * 1_440 * MIN
  expect(waitsUntil(trade, 100 * MIN)).toBe(100 * MIN + days)
  expect(waitsUntil(trade, 40 * MIN)).toBe(55 * MIN + days)
})
