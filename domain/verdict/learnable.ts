/** What a model learns of the trades of a log. Pure. */
import type { Model } from '../learning/model.ts'
import { outcomeSource } from '../learning/outcome.ts'
import type { JudgedTrade } from './judged-trades.ts'
import type { WalkedTrade } from './walk.ts'

export interface LearnableTrade extends JudgedTrade, WalkedTrade {
  outcome: number
}

/** Those that it accepts and that have its outcome, in their order. */
export function learnableTrades(model: Model, trades: readonly JudgedTrade[]): LearnableTrade[] {
  return trades.flatMap((trade) => {
    const outcome = model.accepts(trade.source) ? model.outcomeOf(outcomeSource(trade)) : null
    return outcome === null ? [] : [{ ...trade, outcome, groups: model.combination(model.leverValues(trade)).groups }]
  })
}
