/**
 * Every closed trade of a bot into the outbox, once, by its REST API.
 *
 * Pages are by trade id, and the list moves while it is read: a trade that closes late moves down those behind it, one that is deleted moves them up. So
 * each page begins with the last row of the one before, and a page that does not join ends the reading: rows may have been passed over. A reading is whole
 * when as many different trades were seen as the bot counts, and those that closed last are among them; until then it is done again. Between two looks,
 * those that closed last are read first, back to what is known, and the bot's count decides again whether that was all. Nothing is remembered over a restart
 * but in the outbox, which knows each trade: the first look reads all of them.
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

interface Page {
  /** What the pages before it did not have. */
  rows: unknown[]
  total: number
  last: boolean
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
  /** Whether those are all that the bot had at the last look. */
  let complete = false
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

  /** Comes to no last page where one does not join the one before it. */
  async function* pages(limit: number, newestFirst: boolean): AsyncGenerator<Page> {
    const found = new Set<string>()
    for (let offset = 0; ; ) {
      const { trades, total } = await api.closedTrades({ limit, offset, newestFirst })
      if (offset > 0 && (trades.length === 0 || !found.has(tradeKey(trades[0])))) return
      const rows = trades.filter((raw) => !found.has(tradeKey(raw)))
      for (const raw of rows) found.add(tradeKey(raw))
      const last = trades.length === 0 || offset + trades.length >= total
      yield { rows, total, last }
      if (last) return
      offset += Math.max(trades.length - 1, 1)
    }
  }

  /** Back to what is known; whether that was all of it. Only where all was known before: of what lies behind nothing is looked at. */
  async function readNewest(bot: FreqtradeBot): Promise<boolean> {
    for await (const { rows, total, last } of pages(FEW, true)) {
      const fresh = unseen(rows)
      await take(fresh, bot)
      if (last || fresh.length < rows.length) return seen.size === total
      complete = false // until it is: there may be others between these and what is known
    }
    return false
  }

  /** All of them; whether they were as many as the bot counts. What it has no more is forgotten. */
  async function readAll(bot: FreqtradeBot): Promise<boolean> {
    const found = new Set<string>()
    for await (const { rows, total, last } of pages(PAGE, false)) {
      await take(unseen(rows), bot)
      for (const raw of rows) found.add(tradeKey(raw))
      if (!last) continue
      seen = new Set()
      ids = new Set()
      for (const key of found) note(key)
      return seen.size === total
    }
    return false
  }

  return {
    async look() {
      const bot = await api.bot()
      if (name !== undefined) bot.name = name
      if (of?.name !== bot.name || of.dry_run !== bot.dry_run) {
        seen = new Set()
        ids = new Set()
        complete = false
        of = bot
      }
      added = 0
      complete &&= await readNewest(bot)
      // One that was deleted behind us, and one that closed there at the same time, leave the count as it was: the latter is among the newest.
      for (let reading = 0; !complete && reading < READINGS; reading++)
        complete = (await readAll(bot)) && (await readNewest(bot))
      return { bot, added, whole: complete }
    },
    knows: (tradeId) => ids.has(tradeId),
  }
}
