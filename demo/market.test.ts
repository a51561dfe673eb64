import { describe, expect, it } from 'vitest'
import { loadModel } from '../core/load-model.ts'
import { scoreTrade } from '../domain/closing/rr.ts'
import { splitEntryContext } from '../domain/event.ts'
import { timeframeMs } from '../domain/timeframe.ts'
import { judgedTrades } from '../domain/verdict/judged-trades.ts'
import { judge } from '../domain/verdict/verdict.ts'
import { closedTrade } from '../test/support/closed-trade.ts'
import { plantedWeights, simulateMarket } from './market.ts'

describe('the simulated market', () => {
  it('is the same for the same seed and another for another', () => {
    expect(simulateMarket(20, 7, 'a', 1e12)).toEqual(simulateMarket(20, 7, 'a', 1e12))
    expect(simulateMarket(20, 7, 'a', 1e12)).not.toEqual(simulateMarket(20, 8, 'a', 1e12))
  })
  it('draws paths whose R/R is the one that was drawn', () => {
    for (const t of simulateMarket(300, 1, 'a', Date.parse('2026-11-01'))) {
      const bars = t.bars.map((b) => ({ start: b.timestamp, low: b.low, high: b.high }))
      expect(scoreTrade(t, bars, timeframeMs(t.timeframe)).rr).toBeCloseTo(t.rr, 9)
    }
  })

  it('pays each lever value what was planted for it', () => {
    const trades = simulateMarket(40_000, 3, 'a', Date.parse('2026-11-01'))
    const mean = (list: typeof trades) => list.reduce((sum, t) => sum + t.rr, 0) / list.length
    for (const { name, key, planted } of plantedWeights({ min: 0.5, max: 2 }).filter((p) =>
      ['curator', 'chain', 'timeframe'].includes(p.name),
    )) {
      const group = trades.filter((t) => (name === 'timeframe' ? t.timeframe : t.entry_context[name]) === key)
      expect(Math.abs(mean(group) / mean(trades) / planted - 1), `${name} ${key}`).toBeLessThan(0.05)
    }
  })

  it('is one of which a verdict says that it can be learned, by each rule and outcome', () => {
    const trades = simulateMarket(600, 1, 'a', Date.parse('2026-11-01')).map((t) => ({
      event: closedTrade({
        event_id: `trade ${t.index}`,
        opened_at: t.opened_at,
        closed_at: t.closed_at,
        timeframe: t.timeframe,
        rr: t.rr,
        return: t.exit_price / t.entry_price - 1,
        ...splitEntryContext(t.entry_context),
      }),
    }))
    const models = ['lowcap-v4', 'lowcap-v5', 'lowcap-return'].map(loadModel)
    const verdict = judge(judgedTrades(trades), models, { shuffles: 99 })
    expect(verdict.models.map((m) => m.verdict)).toEqual(['better', 'better', 'better'])
  })
})
