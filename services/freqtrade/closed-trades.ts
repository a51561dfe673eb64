/**
 * Every closed trade of a bot into the outbox, once, by its REST API.
 *
 * Pages are by trade id, and a trade that closes late moves all that follow it: so one reading may miss what another finds. A reading is whole when as many
 * different trades were seen as the bot counts; until then it is done again. Between two of them, those that closed last are read first, back to what is
 * known, and the bot's count decides again whether that was all. Nothing is remembered over a restart but in the outbox, which knows each trade: the first
 * look reads all of them.
 */
import type { Logger } from '../../core/logger.ts'
import type { ImportOutbox } from '../../core/store/outbox-store.ts'
import type { PositionClosed } from '../../domain/event.ts'
import { type FreqtradeBot, readBotTrade, tradeKey, tradeLabel } from '../../domain/foreign/freqtrade-trade.ts'
import type { FreqtradeApi } from './api.ts'
import type { FreqtradeMetrics } from './metrics.ts'

/** Trades of one request, when all are read; the bot's own default. */
const PAGE = 500
/** When the newest are. */
const FEW = 25
/** Readings that were not whole, until the next look. */
const READINGS = 3

export interface ClosedTradesOptions {
  api: Pick<FreqtradeApi, 'bot' | 'closedTrades'>
  outbox: Pick<ImportOutbox, 'add'>
  /** Instead of the bot's own name. */
  name?: string
  logger: Logger
  metrics: FreqtradeMetrics
  /** Between two requests. */
  beat?(): void
}

export interface Look {
  bot: FreqtradeBot
  /** Trades that the outbox did not have. */
  added: number
  /** Every closed trade of the bot is in the outbox now. */
  whole: boolean
}

export interface ClosedTrades {
  /** Errors: BOT_UNREACHABLE, BOT_REFUSED, FILE_UNREADABLE, STORE_UNREACHABLE and the like. What was read until then is in the outbox. */
  look(): Promise<Look>
  /** Whether a trade of this id was read. */
  knows(tradeId: number): boolean
}

export function createClosedTrades({ api, outbox, name, logger, metrics, beat }: ClosedTradesOptions): ClosedTrades {
  /** The bot's trades that are in the outbox, or never will be. */
  let seen = new Set<string>()
  let ids = new Set<number>()
  let of: FreqtradeBot | undefined
  let added = 0

  async function take(trades: readonly unknown[], bot: FreqtradeBot): Promise<void> {
    beat?.()
    const events: PositionClosed[] = []
    const keys: string[] = []
    for (const raw of trades) {
      const trade = readBotTrade(raw, bot)
      if (trade.is === 'open') continue
      keys.push(tradeKey(raw))
      if (trade.is === 'closed') events.push(trade.event)
      else {
        metrics.trades.inc({ outcome: 'unusable' })
        logger.warn(`Trade ${tradeLabel(raw)} of the bot ${bot.name} is left out: it ${trade.reason}.`)
      }
    }
    if (events.length > 0) {
      const answer = await outbox.add(events)
      metrics.trades.inc({ outcome: 'new' }, answer.added)
      metrics.trades.inc({ outcome: 'known' }, answer.known)
      added += answer.added
    }
    for (const key of keys) note(key)
  }

  function note(key: string): void {
    seen.add(key)
    ids.add(Number(key.split('/', 1)[0]))
  }

  const unseen = (trades: readonly unknown[]) => trades.filter((raw) => !seen.has(tradeKey(raw)))

  /** Back to what is known; whether that was all of it. */
  async function readNewest(bot: FreqtradeBot): Promise<boolean> {
    for (let offset = 0; ; offset += FEW) {
      const { trades, total } = await api.closedTrades({ limit: FEW, offset, newestFirst: true })
      const fresh = unseen(trades)
      await take(fresh, bot)
      if (seen.size === total) return true
      if (fresh.length === 0 || trades.length < FEW) return false
    }
  }

  /** All of them; whether they were as many as the bot counts. What it has no more is forgotten. */
  async function readAll(bot: FreqtradeBot): Promise<boolean> {
    const found = new Set<string>()
    let total = 0
    for (let offset = 0; ; offset += PAGE) {
      const page = await api.closedTrades({ limit: PAGE, offset, newestFirst: false })
      await take(unseen(page.trades), bot)
      for (const raw of page.trades) found.add(tradeKey(raw))
      total = page.total
      if (page.trades.length === 0 || offset + page.trades.length >= total) break
    }
    seen = new Set()
    ids = new Set()
    for (const key of found) note(key)
    return seen.size === total
  }

  return {
    async look() {
      const bot = await api.bot()
      if (name !== undefined) bot.name = name
      if (of?.name !== bot.name || of.dry_run !== bot.dry_run) {
        seen = new Set()
        ids = new Set()
        of = bot
      }
      added = 0
      let whole = seen.size > 0 && (await readNewest(bot))
      for (let reading = 0; !whole && reading < READINGS; reading++) whole = await readAll(bot)
      return { bot, added, whole }
    },
    knows: (tradeId) => ids.has(tradeId),
  }
}
