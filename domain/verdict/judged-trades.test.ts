import { expect, test } from 'vitest'
import { closedTrade } from '../../test/support/closed-trade.ts'
import { judgedTrades } from './judged-trades.ts'

const DAY = 86_400_000
const EXIT = Date.UTC(2026, 0, 10)
const trade = (changes: object = {}) => closedTrade({ event_id: 'a', closed_at: EXIT, rr: 1, ...changes })
const known = (records: Parameters<typeof judgedTrades>[0]) =>
  judgedTrades(records).map((t) => [t.rr, t.known_at - EXIT, t.late])

test('what is learned at once is known when the log has it', () => {
  expect(known([{ event: trade(), taken_at: EXIT + 500 }])).toEqual([[1, 500, false]])
  // a broker whose clock is behind
  expect(known([{ event: trade(), taken_at: EXIT - 500 }])).toEqual([[1, 0, false]])
})

test('what was put in afterwards is known at its exit, and its correction as long after that as it came after the first', () => {
  expect(known([{ event: trade(), taken_at: EXIT + 90 * DAY }])).toEqual([[1, 0, true]])
  const corrected = [
    { event: trade(), taken_at: EXIT + 90 * DAY },
    { event: trade({ revision: 1, rr: 2 }), taken_at: EXIT + 93 * DAY },
  ]
  expect(known(corrected)).toEqual([[2, 3 * DAY, true]])
  expect(known([{ event: trade() }])).toEqual([[1, 0, true]])
})

test('regression: revisions of several partitions are read in any order, and none is known before it was', () => {
  const corrected = [
    { event: trade({ revision: 1, rr: 2 }), taken_at: EXIT + 93 * DAY },
    { event: trade(), taken_at: EXIT + 90 * DAY },
  ]
  expect(known(corrected)).toEqual([[2, 3 * DAY, true]])
  const copied = [
    { event: trade(), taken_at: EXIT + 93 * DAY },
    { event: trade({ revision: 1, rr: 2 }), taken_at: EXIT + 90 * DAY },
  ]
  expect(known(copied)).toEqual([[2, 0, true]])
})

test('the newest revision counts, of equal ones the first; a voided trade never did', () => {
  const records = [
    { event: trade({ revision: 1, rr: 2 }), taken_at: EXIT + 1 },
    { event: trade({ revision: 1, rr: 9 }), taken_at: EXIT + 2 },
    { event: trade({ rr: 7 }), taken_at: EXIT + 3 },
  ]
  expect(known(records)).toEqual([[2, 1, false]])
  expect(known([...records, { event: trade({ revision: 2, voided: true }), taken_at: EXIT + 4 }])).toEqual([])
})

test('regression: a verdict hung on the order in which partitions were read: trades come in the order of their entries, whatever that was', () => {
  const records = [5, 3, 9, 3, 7].map((day, i) => ({
    event: closedTrade({
      event_id: `e${i}`,
      opened_at: EXIT + day * DAY,
      closed_at: EXIT + (day + (i % 2)) * DAY,
      rr: i,
    }),
    taken_at: EXIT + 20 * DAY,
  }))
  const found = judgedTrades(records)
  expect(found.map((t) => t.rr)).toEqual([1, 3, 0, 4, 2])
  expect(judgedTrades(records.toReversed())).toEqual(found)
})
