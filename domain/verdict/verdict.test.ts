import { existsSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { loadModel } from '../../core/load-model.ts'
import { readFreqtrade } from '../../services/pm/sources/freqtrade.ts'
import { closedTrade } from '../../test/support/closed-trade.ts'
import { sharedData } from '../../test/support/shared-data.ts'
import { type JudgedTrade, judgedTrades } from './judged-trades.ts'
import { chance } from './statistics.ts'
import { judge, type ModelVerdict } from './verdict.ts'

const HOUR = 3_600_000
const START = Date.UTC(2026, 0, 1)
const v5 = loadModel('lowcap-v5')

/** Outcomes of noise, and of what a curator knows. */
function market(trades: number, edge: number, seed: number): JudgedTrade[] {
  const roll = chance(seed)
  return judgedTrades(
    Array.from({ length: trades }, (_, i) => {
      const curator = Math.floor(roll() * 6)
      const noise = (roll() + roll() + roll() + roll() - 2) * 3
      const rr = 1 + noise + (curator < 2 ? edge : 0)
      const opened_at = START + i * 5 * HOUR
      return {
        event: closedTrade({
          event_id: `${seed} ${i}`,
          opened_at,
          closed_at: opened_at + Math.ceil(roll() * 20) * HOUR,
          rr,
          return: rr / 50,
          levers: { curator: `c${curator}`, chain: roll() < 0.5 ? 'base' : 'solana' },
        }),
      }
    }),
  )
}

const verdictOf = (trades: JudgedTrade[], options = {}) =>
  judge(trades, [v5], { shuffles: 99, ...options }).models[0] as ModelVerdict

describe('a verdict', () => {
  test('finds an edge that is there, in R/R and in money', () => {
    const { models, sentence, trades, days } = judge(market(600, 2.5, 1), [v5, loadModel('lowcap-return')])
    expect([trades, days > 100]).toEqual([600, true])
    for (const m of models) {
      expect(m).toMatchObject({ verdict: 'better', trades: 600 })
      expect(m.outcome?.low).toBeGreaterThan(0)
      expect(m.net?.low).toBeGreaterThan(0)
      expect(m.p_adjusted).toBeLessThan(0.05)
      expect(m.outcome?.mean).toBeGreaterThan(m.detectable as number)
      expect(m.trades_needed).toBeLessThan(600)
      expect(m.spearman).toBeGreaterThan(0)
      expect(m.calibration.map((b) => b.n)).toEqual([120, 120, 120, 120, 120])
      expect(m.calibration.at(-1)?.outcome).toBeGreaterThan(m.calibration[0]?.outcome as number)
    }
    expect(sentence).toMatch(/^Better: sized by lowcap-(v5|return), 600 trades on \d+ days brought \+\d/)
  })

  test('draws the way to its figures: at the end the curve is the table’s, in R/R and in money', () => {
    const trades = market(700, 1, 6)
    const { curve, outcome, net } = verdictOf(trades)
    expect(curve).toHaveLength(300)
    expect(curve.map((p) => p.at)).toEqual(curve.map((p) => p.at).toSorted())
    const last = curve.at(-1)
    if (!last?.net || !outcome || !net) throw new Error('there is no end')
    expect(last.trades).toBe(700)
    expect(last.at).toBe(new Date(Math.max(...trades.map((t) => t.closed_at))).toISOString())
    for (const [value, interval] of [
      [last.outcome, outcome],
      [last.net, net],
    ] as const) {
      expect(value.sized - value.equal).toBeCloseTo(interval.mean, 9)
      expect(value.low - value.equal).toBeCloseTo(interval.low, 9)
      expect(value.high - value.equal).toBeCloseTo(interval.high, 9)
    }
    expect(last.outcome.equal).toBeCloseTo(
      trades.reduce((sum, t) => sum + (t.rr as number) / 700, 0),
      9,
    )
  })

  test.each(['lowcap-v4', 'lowcap-v5', 'lowcap-return'])(
    'of %s says what its sizes stood for, near what came of it',
    (name) => {
      const [found] = judge(market(900, 1, 7), [loadModel(name)], { shuffles: 9 }).models
      const buckets = (found as ModelVerdict).calibration
      expect(buckets.map((b) => b.n)).toEqual([180, 180, 180, 180, 180])
      for (const { low, outcome, high, expected } of buckets) {
        expect(low).toBeLessThan(outcome)
        expect(high).toBeGreaterThan(outcome)
        expect(expected).not.toBeNull()
      }
      // what the model expects goes up with what it stakes
      const said = buckets.map((b) => b.expected as number)
      expect(said).toEqual(said.toSorted((a, b) => a - b))
      // and the shrunk rule is about right: it believes no more than it has seen
      if (name !== 'lowcap-v4')
        for (const { low, high, expected } of buckets) {
          expect(expected).toBeGreaterThan(low - (high - low) / 2)
          expect(expected).toBeLessThan(high + (high - low) / 2)
        }
    },
  )

  test('says better of noise in at most 5 of 200', () => {
    const said = Array.from({ length: 200 }, (_, i) => verdictOf(market(150, 0, 1_000 + i), { points: 0 }).verdict)
    expect(said.filter((v) => v === 'better').length).toBeLessThanOrEqual(5)
  })

  test('the same log gives the same verdict', () => {
    expect(judge(market(80, 1, 3), [v5])).toEqual(judge(market(80, 1, 3), [v5]))
  })

  test('regression: an edge that only the future knows is none', () => {
    // what the log took in after all the entries: known too late
    const late = market(300, 2.5, 4).map((t) => ({ ...t, known_at: t.known_at + 365 * 24 * HOUR }))
    const found = verdictOf(late)
    expect(found).toMatchObject({ largest: 1, kish: 1, verdict: 'cannot tell', trades_needed: null })
    // nothing was known of any of them, so nothing was expected, and the curves are one
    expect(found.calibration.map((b) => b.expected)).toEqual([null, null, null, null, null])
    for (const { outcome } of found.curve) expect(outcome.sized).toBeCloseTo(outcome.equal, 9)
  })

  test('cannot tell where money does not say so too', () => {
    const moneyless = market(600, 2.5, 1).map((t) => ({ ...t, return: null }))
    const untold = verdictOf(moneyless)
    expect(untold).toMatchObject({ verdict: 'cannot tell', net: null })
    expect(untold.curve.every((p) => p.net === null)).toBe(true)
    const costly = market(600, 2.5, 1).map((t) => ({ ...t, net_return: (t.return as number) * -1 }))
    expect(verdictOf(costly).verdict).toBe('cannot tell')
  })

  test('says worse where both say so', () => {
    // who did well for two months does badly from one day to the next, and the other way round
    const trades = market(350, 0, 5).map((t, i) => {
      const good = i < 300 === (t.levers.curator as string) < 'c3'
      return { ...t, rr: (t.rr as number) + (good ? 4 : -4), return: good ? 0.1 : -0.1 }
    })
    const { sentence, models } = judge(trades, [v5], { since: trades[300]?.opened_at, shuffles: 99 })
    expect(models[0]).toMatchObject({ verdict: 'worse', trades_needed: null })
    expect(sentence).toMatch(/^Worse: sized by lowcap-v5, 50 trades/)
  })

  test('each model that was tried before counts', () => {
    const trades = market(600, 2.5, 1)
    const alone = verdictOf(trades)
    const tried = Array.from({ length: 40 }, (_, i) => ({ hash: `other ${i}`, since: 0, p: 0.5 }))
    const among = verdictOf(trades, { tried })
    expect(among.p).toBe(alone.p)
    expect(among.p_adjusted).toBeCloseTo((alone.p as number) * 41, 9)
    expect([alone.verdict, among.verdict]).toEqual(['better', 'cannot tell'])
    // it itself, tried again, is one try
    expect(verdictOf(trades, { tried: [{ hash: v5.hash, since: 0, p: 0.9 }] }).p_adjusted).toBe(alone.p)
    // regression: from another moment on it is another try
    const moved = verdictOf(trades, { tried: [{ hash: v5.hash, since: START, p: 0.9 }] })
    expect(moved.p_adjusted).toBeCloseTo((alone.p as number) * 2, 9)
  })

  test('judges from a moment on, and learns from before it', () => {
    const trades = market(600, 2.5, 1)
    const since = (trades[300] as JudgedTrade).opened_at
    const half = judge(trades, [v5], { since, shuffles: 99 })
    expect(half).toMatchObject({ trades: 300, models: [{ trades: 300, verdict: 'better' }] })
    const forgetful = verdictOf(trades.slice(300))
    expect((half.models[0] as ModelVerdict).outcome?.mean).toBeGreaterThan(forgetful.outcome?.mean as number)
  })

  test('of nothing and of one trade it cannot tell, and names what it is not free of', () => {
    expect(judge([], [v5])).toMatchObject({
      trades: 0,
      days: 0,
      models: [{ outcome: null, p: null, verdict: 'cannot tell' }],
    })
    const { sentence, caveats } = judge(
      market(1, 0, 9).map((t) => ({ ...t, opened_at: t.closed_at })),
      [v5],
    )
    expect(sentence).toBe('Cannot tell: 1 trade on 1 day, and no model has an outcome of two of them.')
    expect(caveats.join('\n')).toMatch(
      /1 of 1 trades were put into the log afterwards[\s\S]*1 of 1 trades do not say when they were entered/,
    )
  })
})

const backtest = sharedData('data/freqtrade-backtest-result.json')
describe.skipIf(!backtest)('on real trades', () => {
  test('cannot tell', () => {
    const candles = sharedData('data/candles') as string
    expect(existsSync(candles)).toBe(true)
    const { events } = readFreqtrade({ file: backtest as string, candles })
    const models = ['freqtrade', 'freqtrade-v5', 'freqtrade-return'].map(loadModel)
    const { sentence, models: found } = judge(judgedTrades(events.map((event) => ({ event }))), models)
    expect(sentence).toMatch(/^Cannot tell: \d+ trades/)
    expect(found.map((m) => m.verdict)).toEqual(models.map(() => 'cannot tell'))
  })
})
