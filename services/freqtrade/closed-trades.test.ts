import fc from 'fast-check'
import { pino } from 'pino'
import { Registry } from 'prom-client'
import { expect, test } from 'vitest'
import type { PositionClosed } from '../../domain/event.ts'
import type { FreqtradeApi } from './api.ts'
import { createClosedTrades } from './closed-trades.ts'
import { freqtradeMetrics } from './metrics.ts'

const T0 = Date.parse('2026-03-02T08:00:00Z')

interface Row {
  trade_id: number
  open_timestamp: number
  close_timestamp: number | null
}

/** A bot's database, and the API on it as Freqtrade has it. */
class Bot implements Pick<FreqtradeApi, 'bot' | 'closedTrades'> {
  rows: Row[] = []
  name = 'alpha'
  requests = 0
  #next = 1
  #time = T0
  /** Before each page. */
  meanwhile: () => void = () => {}
  /** Of one page, however many are asked for. */
  most = 500

  open(): number {
    this.rows.push({ trade_id: this.#next, open_timestamp: ++this.#time, close_timestamp: null })
    return this.#next++
  }
  close(id: number): void {
    const row = this.rows.find((r) => r.trade_id === id && r.close_timestamp === null)
    if (row) row.close_timestamp = ++this.#time
  }
  openIds = () => this.rows.filter((r) => r.close_timestamp === null).map((r) => r.trade_id)
  delete(id: number): void {
    this.rows = this.rows.filter((r) => r.trade_id !== id)
  }
  reset(): void {
    this.rows = []
    this.#next = 1
  }
  bot = async () => ({ name: this.name, dry_run: true, timeframe: '5m' })
  closedTrades: FreqtradeApi['closedTrades'] = async ({ limit, offset, newestFirst }) => {
    this.requests++
    this.meanwhile()
    const closed = this.rows
      .filter((r) => r.close_timestamp !== null)
      .sort((a, b) =>
        newestFirst ? (b.close_timestamp as number) - (a.close_timestamp as number) : a.trade_id - b.trade_id,
      )
    const trades = closed.slice(offset, offset + Math.min(limit, this.most)).map((r) => ({
      ...r,
      is_open: false,
      pair: 'ETH/USDT',
      strategy: 'Tags',
      open_rate: 100,
      close_rate: 101,
      min_rate: 99,
      max_rate: 102,
    }))
    return { trades, total: closed.length }
  }
}

function connected(bot: Bot, name?: string) {
  const taken = new Map<string, PositionClosed>()
  let calls = 0
  const outbox = {
    async add(events: PositionClosed[]) {
      calls++
      const fresh = events.filter((e) => !taken.has(e.event_id))
      for (const event of fresh) taken.set(event.event_id, event)
      return { added: fresh.length, known: events.length - fresh.length }
    },
  }
  const start = () =>
    createClosedTrades({
      api: bot,
      outbox,
      name,
      logger: pino({ level: 'silent' }),
      metrics: freqtradeMetrics(new Registry()),
    })
  return { taken, start, calls: () => calls }
}

const closeAll = (bot: Bot, count: number) => {
  for (let i = 0; i < count; i++) bot.close(bot.open())
}

test('all closed trades are taken on the first look, over pages; what is open is not', async () => {
  const bot = new Bot()
  const { taken, start } = connected(bot)
  closeAll(bot, 1_203)
  bot.open()
  const trades = start()
  expect(await trades.look()).toMatchObject({ added: 1_203, whole: true })
  expect(taken.size).toBe(1_203)
  expect(trades.knows(1_203)).toBe(true)
  expect(trades.knows(1_204)).toBe(false)
})

test('a look at a bot of which all is known is one short request, and asks no database', async () => {
  const bot = new Bot()
  const { start, calls } = connected(bot)
  closeAll(bot, 600)
  const trades = start()
  await trades.look()
  const [requests, before] = [bot.requests, calls()]
  await trades.look()
  expect([bot.requests - requests, calls() - before]).toEqual([1, 0])
})

test('an old trade that closes late, behind those that are known, is found', async () => {
  const bot = new Bot()
  const { taken, start } = connected(bot)
  const old = bot.open()
  closeAll(bot, 700)
  const trades = start()
  await trades.look()
  bot.close(old)
  expect(await trades.look()).toMatchObject({ added: 1, whole: true })
  expect(taken.size).toBe(701)
})

/** Once, before the page of this number (the first is 1) that is asked for from now on. */
const before = (bot: Bot, page: number, change: () => void) => {
  bot.meanwhile = () => {
    if (--page === 0) change()
  }
}

test('a trade that is deleted while all are read moves up those behind it: none of them is passed over', async () => {
  const bot = new Bot()
  const { taken, start } = connected(bot)
  closeAll(bot, 1_200)
  before(bot, 2, () => bot.delete(10))
  const trades = start()
  expect(await trades.look()).toMatchObject({ whole: true })
  expect(taken.size).toBe(1_200)
  expect(trades.knows(501)).toBe(true)
  expect(trades.knows(10)).toBe(false)
})

test('one that is deleted and one that closes late at the same moment leave the count as it was: the late one is found', async () => {
  const bot = new Bot()
  const { start } = connected(bot)
  const late = bot.open()
  closeAll(bot, 1_200)
  before(bot, 2, () => {
    bot.delete(10)
    bot.close(late)
  })
  const trades = start()
  expect(await trades.look()).toMatchObject({ whole: true })
  expect(trades.knows(late)).toBe(true)
})

test('of more new trades than one short page holds none is missed, though as many known ones were deleted', async () => {
  const bot = new Bot()
  const { start } = connected(bot)
  closeAll(bot, 600)
  const trades = start()
  await trades.look()
  bot.delete(3)
  closeAll(bot, 26)
  expect(await trades.look()).toMatchObject({ whole: true })
  expect(trades.knows(601)).toBe(true)
})

test('a look that breaks off between the newest and the known is no ground for the next one', async () => {
  const bot = new Bot()
  const { start } = connected(bot)
  closeAll(bot, 600)
  const trades = start()
  await trades.look()
  bot.delete(3)
  closeAll(bot, 26)
  before(bot, 2, () => {
    throw new Error('away')
  })
  await expect(trades.look()).rejects.toThrow('away')
  expect(await trades.look()).toMatchObject({ whole: true })
  expect(trades.knows(601)).toBe(true)
})

test('a restart reads all again and adds nothing twice; a database that was reset has other trades', async () => {
  const bot = new Bot()
  const { taken, start } = connected(bot)
  closeAll(bot, 30)
  await start().look()
  const trades = start()
  expect(await trades.look()).toMatchObject({ added: 0, whole: true })
  bot.reset()
  closeAll(bot, 30)
  expect(await trades.look()).toMatchObject({ added: 30, whole: true })
  expect(taken.size).toBe(60)
})

test('two bots have trades of their own, and a name that is given goes before the bot’s', async () => {
  const bot = new Bot()
  const { taken, start } = connected(bot)
  closeAll(bot, 3)
  const trades = start()
  await trades.look()
  bot.name = 'beta'
  expect(await trades.look()).toMatchObject({ added: 3 })
  expect(taken.size).toBe(6)
  const named = connected(bot, 'mine')
  await named.start().look()
  expect([...named.taken.values()].map((e) => e.position_id)).toEqual(Array(3).fill('freqtrade/mine/ETH/USDT'))
})

test('what the outbox did not take is taken by the next look', async () => {
  const bot = new Bot()
  closeAll(bot, 3)
  const { taken, start } = connected(bot)
  const trades = start()
  const close = bot.bot
  bot.bot = async () => {
    throw new Error('away')
  }
  await expect(trades.look()).rejects.toThrow('away')
  bot.bot = close
  expect(await trades.look()).toMatchObject({ added: 3, whole: true })
  expect(taken.size).toBe(3)
})

test('whatever opens, closes, is deleted or reset between pages: once it rests, every closed trade was taken, once', async () => {
  const step = fc.record({
    what: fc.constantFrom('open', 'close', 'close-oldest', 'delete', 'reset', 'look', 'restart'),
    pick: fc.nat(1_000),
    during: fc.boolean(),
  })
  await fc.assert(
    fc.asyncProperty(
      fc.array(step, { maxLength: 40 }),
      fc.nat(60),
      fc.integer({ min: 2, max: 40 }),
      async (steps, many, most) => {
        const bot = new Bot()
        bot.most = most
        closeAll(bot, many)
        const { taken, start } = connected(bot)
        let trades = start()
        const missed = new Set<number>()
        for (const { what, pick, during } of steps) {
          const change = () => {
            const ids = bot.openIds()
            if (what === 'open') bot.open()
            else if (what === 'close' && ids.length > 0) bot.close(ids[pick % ids.length] as number)
            else if (what === 'close-oldest' && ids.length > 0) bot.close(ids[0] as number)
            else if (what === 'delete' && bot.rows.length > 0)
              bot.delete((bot.rows[pick % bot.rows.length] as Row).trade_id)
            else if (what === 'reset') bot.reset()
          }
          if (what === 'restart') trades = start()
          else if (what === 'look') await trades.look()
          else if (during) {
            before(bot, 1 + (pick % 5), change)
            await trades.look()
          } else change()
        }
        bot.meanwhile = () => {}
        expect((await trades.look()).whole).toBe(true)
        const keys = new Set([...taken.values()].map((e) => e.trade_id))
        for (const { trade_id, open_timestamp, close_timestamp } of bot.rows)
          if (close_timestamp !== null && !keys.has(`${trade_id}/${new Date(open_timestamp).toISOString()}`))
            missed.add(trade_id)
        expect([...missed]).toEqual([])
      },
    ),
    { numRuns: 200 },
  )
})
