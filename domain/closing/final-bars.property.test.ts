/**
 * Whatever the market does and however its bars are collected, the score that counts in the end is that of all bars: what a backfill makes of the trade. Closes and
 * ticks at any time, by the functions that the PM calls.
 */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { PositionClosed } from '../event.ts'
import { timeframeMs } from '../timeframe.ts'
import { type BarRow, closingOf, rescored, scoreOn } from './closing.ts'
import { barsAreFinal, type ExitBars } from './final-bars.ts'
import type { Side } from './rr.ts'

const BEGIN = Date.UTC(2026, 4, 19)
const SECOND = 1_000
const DAY = 86_400_000

/** What a market gives: a price every so often, in seconds after BEGIN; and how it is collected. */
const market = fc.record({
  timeframe: fc.constantFrom('1m', '5m', '15m'),
  prices: fc.array(fc.tuple(fc.integer({ min: 0, max: 7_200 }), fc.integer({ min: 20, max: 400 })), {
    minLength: 1,
    maxLength: 200,
    size: 'max',
  }),
  /** Seconds between two looks of whoever collects; bars that run are written too, or only those that ended. */
  every: fc.integer({ min: 5, max: 60 }),
  running: fc.boolean(),
})
type Market = typeof market extends fc.Arbitrary<infer T> ? T : never

const lengthOf = ({ timeframe }: Market) => timeframeMs(timeframe)

/** The bars of all prices until a time. */
function barsUntil(m: Market, until: number): BarRow[] {
  const bars = new Map<number, [low: number, high: number]>()
  for (const [second, price] of m.prices) {
    const at = BEGIN + second * SECOND
    if (at > until) continue
    const start = Math.floor(at / lengthOf(m)) * lengthOf(m)
    const [low, high] = bars.get(start) ?? [price, price]
    bars.set(start, [Math.min(low, price), Math.max(high, price)])
  }
  return [...bars].map(([start, [low, high]]): BarRow => [start, low, high]).sort((a, b) => a[0] - b[0])
}

/** What is stored at a time: what the last look found. */
function storedAt(m: Market, now: number): BarRow[] {
  const looked = BEGIN + Math.floor((now - BEGIN) / (m.every * SECOND)) * m.every * SECOND
  const bars = barsUntil(m, looked)
  return m.running ? bars : bars.filter(([start]) => start + lengthOf(m) <= looked)
}

interface Times {
  opened_at: number
  closed_at: number
}

/** As the database answers (strandline_pm_bars, pm_exit_bars). */
function known(m: Market, { opened_at, closed_at }: Times, now: number): { bars: BarRow[] } & ExitBars {
  const stored = storedAt(m, now)
  const last = stored.findLast(([start]) => start >= closed_at - lengthOf(m) && start <= closed_at)
  return {
    bars: stored.filter(([start]) => start > opened_at - lengthOf(m) && start <= closed_at),
    exit_bar: last?.[0] ?? null,
    later_bar: stored.some(([start]) => start >= closed_at && start > opened_at),
    now,
  }
}

const seconds = (min: number, max: number) => fc.integer({ min, max }).map((n) => n * SECOND)
const trade = fc.record({
  opened: seconds(0, 5_400),
  held: fc.oneof(seconds(0, 1_800), fc.constantFrom(0, 60 * SECOND, 900 * SECOND)),
  /** How long after the exit it is closed, and each tick after what came before. */
  close: fc.oneof(seconds(0, 120), seconds(0, 7_200)),
  ticks: fc.array(fc.oneof(seconds(1, 120), seconds(1, 2_000)), { maxLength: 12 }),
  side: fc.constantFrom<Side>('long', 'short'),
  entry: fc.integer({ min: 50, max: 200 }),
  exit: fc.integer({ min: 50, max: 200 }),
})

test('the last revision has the score of all bars, none repeats the one before it, and what is not marked as provisional stays', () => {
  const seen = { final: 0, same: 0, revised: 0, unscored: 0 }
  fc.assert(
    fc.property(market, trade, (m, { opened, held, close, ticks, side, entry, exit }) => {
      const times = { opened_at: BEGIN + opened, closed_at: BEGIN + opened + held }
      const closedAt = times.closed_at + close
      const closing = closingOf({
        position_id: 'p',
        trade_id: 't',
        fingerprint: 'f',
        symbol: '',
        token_contract: '0x',
        chain: 'base',
        timeframe: m.timeframe,
        side,
        decision_type: 'trim',
        entry_price: entry,
        exit_price: exit,
        quantity: 1,
        entry_context: {},
        regime_context: {},
        ...times,
        ...known(m, times, closedAt),
      })
      const revisions: PositionClosed[] = [closing.event]
      let waits = closing.waits_until
      let now = closedAt
      const end = Math.max(closedAt, BEGIN + 7_200 * SECOND) + DAY
      for (const at of [...ticks.map((ms) => (now += ms)), end, end + 10 * DAY]) {
        if (waits === null) break
        const { bars, ...exitBars } = known(m, times, at)
        if (!barsAreFinal({ ...times, timeframe: m.timeframe }, exitBars) && at < waits) continue
        const next = rescored(revisions.at(-1)!, closing.side, bars, 'a tick')
        if (next) revisions.push(next.event)
        if (next || !closing.score_later) waits = null
      }

      const complete = scoreOn(closing.event, closing.side, barsUntil(m, Number.MAX_SAFE_INTEGER))
      expect(revisions.at(-1)).toMatchObject(complete)
      expect(revisions.map((e) => e.revision)).toEqual(revisions.map((_, i) => i))
      expect(revisions.length).toBeLessThanOrEqual(2)
      expect(closing.event.provisional).toBe(closing.waits_until !== null)
      if (closing.waits_until === null) seen.final++
      else if (closing.score_later) seen.unscored++
      else if (revisions.length === 1) seen.same++
      else seen.revised++
    }),
    { numRuns: 3_000 },
  )
  for (const [what, times] of Object.entries(seen)) expect([what, times > 50]).toEqual([what, true])
})
