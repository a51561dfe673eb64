/** The connector to a running Freqtrade: each of its closed trades into the outbox, once. Its messages wake it up; what its REST API says counts. */
import { explain, findStrandlineError } from '../../core/errors.ts'
import type { Service, ServiceDeps } from '../../core/service.ts'
import type { ImportOutbox } from '../../core/store/outbox-store.ts'
import { type BotAddress, createFreqtradeApi } from './api.ts'
import { createClosedTrades } from './closed-trades.ts'
import { listenToMessages } from './messages.ts'
import { freqtradeMetrics } from './metrics.ts'

export { type BotAddress, botUrl } from './api.ts'

export interface FreqtradeOptions extends BotAddress {
  /** What the bot is called in the log, instead of its bot_name: it is part of each trade's identity. */
  bot?: string
  /** Why nothing can be published now: of whoever publishes. */
  unpublished?(): string | undefined
}

/** Looks by the clock: while messages are heard, and while they are not. Milliseconds. */
const EVERY_MS = 30_000
const UNHEARD_MS = 5_000
/** A message goes out before the bot has written the trade down: looks that follow it, each after twice the time. */
const HURRIED_LOOKS = 6
const HURRY_MS = 250
/** Between two looks that failed. */
const FIRST_WAIT_MS = 1_000
const LONGEST_WAIT_MS = 60_000

export async function startFreqtrade(
  { clock, logger, metrics: registry, liveness }: Pick<ServiceDeps, 'clock' | 'logger' | 'metrics' | 'liveness'>,
  options: FreqtradeOptions,
  outbox: Pick<ImportOutbox, 'add'>,
): Promise<Service> {
  const { url } = options
  const stopping = new AbortController()
  const metrics = freqtradeMetrics(registry)
  const api = createFreqtradeApi(options, stopping.signal)
  const beats = liveness?.loop('The looks at the bot')
  const trades = createClosedTrades({ api, outbox, name: options.bot, logger, metrics, beat: () => beats?.beat() })

  /** Ids of trades that a message said are closed, and no look has found yet. */
  const awaited = new Set<number>()
  /** Somebody called while nobody slept. */
  let called = false
  let wake = () => {
    called = true
  }
  let failure: string | undefined = `The Freqtrade at ${url} has not been looked at yet.`

  const messages = listenToMessages({
    api,
    url,
    ownToken: options.wsTokenFile !== undefined,
    clock,
    logger,
    opened: () => wake(),
    closed(tradeId) {
      awaited.add(tradeId)
      wake()
    },
  })

  async function sleep(ms: number): Promise<void> {
    const woken = new AbortController()
    const note = wake
    wake = () => woken.abort()
    stopping.signal.addEventListener('abort', wake)
    if (!called && !stopping.signal.aborted) await clock.sleep(ms, woken.signal)
    stopping.signal.removeEventListener('abort', wake)
    wake = note
    called = false
  }

  async function look(): Promise<void> {
    const { bot, added, whole } = await trades.look()
    for (const id of awaited) if (trades.knows(id)) awaited.delete(id)
    if (added > 0) logger.info(`${added} closed ${added === 1 ? 'trade' : 'trades'} of the bot ${bot.name} taken.`)
    if (failure !== undefined)
      logger.info(`The bot ${bot.name} at ${url} is connected${bot.dry_run ? ' (a dry run)' : ''}.`)
    failure = undefined
    if (!whole) logger.debug(`the trades of ${bot.name} changed while they were read`)
  }

  const loop = (async () => {
    let wait = FIRST_WAIT_MS
    let hurried = 0
    while (!stopping.signal.aborted) {
      beats?.beat()
      const before = awaited.size
      try {
        await look()
        metrics.websocket.set(messages.open() ? 1 : 0)
        wait = FIRST_WAIT_MS
      } catch (error) {
        if (stopping.signal.aborted) return
        metrics.failures.inc()
        const reason = explain(error)
        if (reason !== failure) logger.warn(findStrandlineError(error) ? {} : { err: error }, reason)
        failure = reason
        await sleep(wait)
        wait = Math.min(wait * 2, LONGEST_WAIT_MS)
        continue
      }
      hurried = awaited.size > 0 && awaited.size === before ? hurried + 1 : 0
      if (hurried >= HURRIED_LOOKS) {
        awaited.clear() // it was closed in a database that is no more, or deleted: the bot's count says whether anything is missing
        hurried = 0
      }
      await sleep(awaited.size > 0 ? HURRY_MS * 2 ** hurried : messages.open() ? EVERY_MS : UNHEARD_MS)
    }
  })()
  liveness?.keeps('The looks at the bot', loop, stopping.signal)

  return {
    name: 'freqtrade',
    async ready() {
      const reason = failure ?? options.unpublished?.()
      return reason ? { ok: false, reason } : { ok: true }
    },
    async stop() {
      stopping.abort()
      await Promise.all([messages.stop(), loop])
    },
  }
}
