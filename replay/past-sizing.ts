/** What was known at moments that are past, for sizes that a backtest asks for: folded from the log, whose trades are kept for a while. */
import { systemClock } from '../core/clock.ts'
import { createCoefficientStore } from '../core/store/coefficient-store.ts'
import { splitEntryContext } from '../domain/event.ts'
import { compileModel } from '../domain/learning/model.ts'
import { type JudgedTrade, judgedTrades } from '../domain/verdict/judged-trades.ts'
import { pastMultipliers } from '../domain/verdict/past-multipliers.ts'
import type { PastSizing } from '../services/decision/index.ts'
import { readRecords } from './judge-log.ts'
import type { HistoryDeps } from './open-history.ts'

/** A backtest asks several times in a row, and then nobody does. Milliseconds. */
const KEPT_MS = 120_000

export function createPastSizing(deps: HistoryDeps, clock = systemClock): PastSizing {
  const { store, log, config } = deps
  const coefficients = createCoefficientStore(store)
  let kept: { ends: string; trades: Promise<JudgedTrade[]>; until: number } | undefined

  async function tradesOf(): Promise<JudgedTrade[]> {
    const ends = JSON.stringify((await log.offsets(config.topic)).map(({ partition, end }) => [partition, end]))
    if (kept?.ends !== ends) kept = { ends, trades: readRecords(deps).then(judgedTrades), until: 0 }
    const mine = kept
    mine.until = clock.now() + KEPT_MS
    setTimeout(() => {
      if (kept === mine && clock.now() >= mine.until) kept = undefined
    }, KEPT_MS + 1_000).unref()
    try {
      return await mine.trades
    } catch (error) {
      if (kept === mine) kept = undefined
      throw error
    }
  }

  return {
    async multipliers(asks, name) {
      const version = await coefficients.version(name ?? null)
      if (!version) return asks.map(() => 1)
      const past = asks.map(({ entry_context, timeframe = '', as_of }) => ({
        ...splitEntryContext(entry_context),
        timeframe,
        as_of,
      }))
      return pastMultipliers(compileModel(version.definition, version.hash), await tradesOf(), past)
    },
  }
}
