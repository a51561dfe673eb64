/** A real Freqtrade at both ends: what it closes is learned, once, whatever is killed; what is learned sizes what it enters; and a backtest sees only what was known then. */

import { rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Registry } from 'prom-client'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { systemClock } from '../../core/clock.ts'
import { type Host, startHost } from '../../core/host.ts'
import { readAll } from '../../core/log/read-all.ts'
import { eventUuid, type PositionClosed } from '../../domain/event.ts'
import { createPastSizing } from '../../replay/past-sizing.ts'
import { startDecision } from '../../services/decision/index.ts'
import { readBotFile } from '../../services/pm/sources/freqtrade-bot.ts'
import type { BacktestTrade } from '../../services/pm/sources/freqtrade-result.ts'
import { closedTrade } from '../support/closed-trade.ts'
import { type Bot, type FreqtradeStage, freqtradeStage, hasFreqtrade, STAKE } from '../support/freqtrade.ts'
import { type Loop, startLoop } from '../support/loop.ts'
import { PATIENT } from '../support/patience.ts'
import { type RunningCommand, startCommand } from '../support/strandline.ts'

/** STRANDLINE_FREQTRADE_ROUNDS=4: sixty trades, by hand. */
const ROUNDS = Number(process.env.STRANDLINE_FREQTRADE_ROUNDS) || 1
const HOUR = 3_600_000
const DAY = 24 * HOUR

describe.skipIf(!hasFreqtrade)('a real Freqtrade', () => {
  let loop: Loop
  let decision: Host
  let stage: FreqtradeStage
  const connectors: RunningCommand[] = []
  let bot: Bot

  beforeAll(async () => {
    loop = await startLoop(undefined, { STRANDLINE_MODEL: 'freqtrade-return' })
    const deps = { ...loop.deps, metrics: new Registry() }
    const service = await startDecision(deps, undefined, createPastSizing(deps))
    decision = await startHost({ service, port: 0, metrics: deps.metrics, logger: deps.logger })
    stage = await freqtradeStage(decision.url, ['steady', 'second'])
  })
  afterAll(async () => {
    for (const { child, ended } of connectors) {
      child.kill('SIGKILL')
      await ended
    }
    await stage?.stop()
    await decision?.stop()
    await loop?.stop()
  })

  function connect(name: string, ...more: string[]): RunningCommand {
    const { deps, db } = loop
    const { config } = deps
    const { username, passwordFile } = stage
    const args = [...more, '--url', stage.urlOf(name), '--username', username, '--password-file', passwordFile]
    const connector = startCommand(['connect', 'freqtrade', ...args], {
      env: {
        KAFKA_BROKERS: config.kafka.brokers.join(','),
        SCHEMA_REGISTRY_URL: config.registry.url,
        SUPABASE_URL: db.supabaseUrl,
        SUPABASE_SERVICE_ROLE_KEY: db.key,
        STRANDLINE_TOPIC: config.topic,
        STRANDLINE_PARTITIONS: String(config.partitions),
      },
    })
    connectors.push(connector)
    return connector
  }

  async function logged(): Promise<PositionClosed[]> {
    const events: PositionClosed[] = []
    await readAll(loop.deps.log, loop.deps.config.topic, async ({ value }) => {
      events.push(await loop.deps.codec.decode(value as Buffer))
    })
    return events
  }

  async function multipliers(asks: object[]): Promise<number[]> {
    const response = await fetch(`${decision.url}/v1/multipliers`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ asks }),
    })
    const answer = (await response.json()) as { multipliers: { multiplier: number }[] }
    if (!response.ok) throw new Error(JSON.stringify(answer))
    return answer.multipliers.map((m) => m.multiplier)
  }

  const learned = async () => (await loop.get<{ global_rr: { n: number } }>('/v1/timeframes')).global_rr.n
  const untilLearned = (count: number) =>
    vi.waitFor(async () => {
      const n = await learned()
      if (n !== count) throw new Error(`${n} of ${count} trades are learned`)
    }, PATIENT)

  const today = Math.floor(systemClock.now() / DAY) * DAY
  const date = (ms: number) => new Date(ms).toISOString().slice(0, 10).replaceAll('-', '')
  const timerange = `${date(today - 3 * DAY)}-${date(today - DAY)}`
  const stakes = (trades: readonly BacktestTrade[]) => trades.map((t) => [t.pair, t.enter_tag, t.opened_at, t.stake])
  let plain: BacktestTrade[]

  test('backtested with the sizing file, with nothing learned before, has exactly the stakes that it has without', async () => {
    await stage.download(`${date(today - 4 * DAY)}-${date(today)}`)
    const [without, sized] = await Promise.all([
      stage.backtest('Steady', timerange),
      stage.backtest('Sized', timerange),
    ])
    plain = without
    expect(plain.length).toBeGreaterThan(100)
    expect(stakes(sized)).toEqual(stakes(plain))
  })

  test('in dry run: what it closes is learned once, through a SIGKILL of either side', async () => {
    let connector = connect('steady')
    bot = await stage.startBot('steady')
    const rounds = async () => {
      for (let i = 0; i < ROUNDS; i++) await bot.round(['a', 'b', 'c', 'a', 'b'])
    }
    await rounds()
    await untilLearned(5 * ROUNDS)
    connector.child.kill('SIGKILL')
    await connector.ended
    await rounds()
    await bot.kill()
    // its bot is away; and once that is back, its messages are not to be heard: each is said, and goes on
    const wsTokenFile = join(stage.dir, 'ws-token.txt')
    writeFileSync(wsTokenFile, 'wrong')
    connector = connect('steady', '--ws-token-file', wsTokenFile)
    await connector.says(`The Freqtrade at ${stage.urlOf('steady')} cannot be reached: `)
    bot = await stage.startBot('steady')
    await rounds()
    await connector.says('cannot be heard: the token in the file is not the ws_token')
    const trades = await bot.closed()
    expect(trades).toHaveLength(15 * ROUNDS)
    await untilLearned(trades.length)

    const events = await logged()
    const ids = new Set(events.map((e) => e.event_id))
    expect(ids.size).toBe(trades.length)
    for (const trade of trades) {
      const event = events.find((e) => e.trade_id.startsWith(`${trade.trade_id}/`))
      expect(event).toMatchObject({
        position_id: `freqtrade/steady/${trade.pair}`,
        opened_at: trade.open_timestamp,
        net_return: trade.profit_ratio,
        levers: { strategy: 'Steady', pair: trade.pair, enter_tag: trade.enter_tag },
        source: 'freqtrade:dry-run',
      })
      // one that was forced out before its bot had looked at it again has no lowest and highest rate
      expect(event?.rr === null).toBe(trade.min_rate === null)
    }
    // the database that it writes at this moment, its -wal with it, holds the same events
    const stored = readBotFile({ file: join(stage.dir, 'steady.sqlite'), bot: 'steady' })?.events ?? []
    expect(new Map(stored.map((e) => [e.event_id, e]))).toEqual(new Map(events.map((e) => [e.event_id, e])))
  })

  test('the next stakes follow what was learned', async () => {
    const before = await bot.closed()
    await publish(history())
    await untilLearned(before.length + HISTORY)
    await bot.round(['good', 'bad'])
    const entered = (await bot.closed()).filter((t) => t.enter_tag === 'good' || t.enter_tag === 'bad')
    expect(entered.map((t) => t.enter_tag)).toEqual(['good', 'bad'])
    const asked = await multipliers(
      entered.map(({ pair, enter_tag, open_timestamp }) => ({
        entry_context: { strategy: 'Steady', pair, enter_tag, ...clockOf(open_timestamp) },
        timeframe: '5m',
        as_of: open_timestamp,
      })),
    )
    expect(asked[0]).toBeGreaterThan(1.1)
    expect(asked[1]).toBeLessThan(0.9)
    // an exchange takes whole lots
    for (const [i, { stake_amount }] of entered.entries())
      expect(Math.abs(stake_amount / (STAKE * (asked[i] as number)) - 1)).toBeLessThan(0.01)
  })

  test('beside a second one, which counts its trades from 1 as well: all of both are learned, once', async () => {
    const second = await stage.startBot('second')
    const connector = connect('second')
    try {
      await Promise.all([bot.round(['a', 'b']), second.round(['a', 'b'])])
      const [mine, others] = [await bot.closed(), await second.closed()]
      expect(others.map((t) => t.trade_id)).toEqual(others.map((_, i) => i + 1))
      await untilLearned(mine.length + HISTORY + others.length)
      const events = (await logged()).filter((e) => e.position_id.startsWith('freqtrade/second/'))
      expect(events).toHaveLength(others.length)
      expect(new Set(events.map((e) => e.symbol))).toEqual(new Set(['BTC/USDT', 'ETH/USDT']))
    } finally {
      await second.kill()
      connector.child.kill('SIGKILL')
      await connector.ended
    }
  })

  test('backtested again, it is sized by what was known at each candle, and by nothing that came later', async () => {
    const sized = await stage.backtest('Sized', timerange)
    const entry = (t: BacktestTrade) => [t.pair, t.enter_tag, t.opened_at]
    expect(sized.map(entry)).toEqual(plain.map(entry))
    const asked = await multipliers(
      sized.map(({ pair, enter_tag, opened_at }) => ({
        entry_context: { strategy: 'Steady', pair, enter_tag, ...clockOf(opened_at) },
        timeframe: '5m',
        as_of: opened_at,
      })),
    )
    for (const [i, { opened_at, stake }] of sized.entries()) {
      if (opened_at <= HISTORY_FROM) expect(stake).toBe(plain[i]?.stake)
      expect(Math.abs((stake as number) / (STAKE * (asked[i] as number)) - 1)).toBeLessThan(0.01)
    }
    const late = sized.flatMap((t, i) => (t.opened_at > HISTORY_FROM + HISTORY * MINUTE ? [asked[i] as number] : []))
    expect(Math.min(...late)).toBeLessThan(0.9)
    expect(Math.max(...late)).toBeGreaterThan(1.1)
  })

  test.skipIf(ROUNDS === 1)('whose database was reset counts from 1 again, and its trades are others', async () => {
    const before = await learned() // all of them, by the tests before
    await bot.kill()
    for (const end of ['', '-wal', '-shm']) rmSync(join(stage.dir, `steady.sqlite${end}`), { force: true })
    bot = await stage.startBot('steady')
    await bot.round(['a', 'b'])
    expect((await bot.closed()).map((t) => t.trade_id)).toEqual([1, 2])
    await untilLearned(before + 2)
  })

  const MINUTE = 60_000
  const HISTORY = 400
  /** In the midst of what is backtested. */
  const HISTORY_FROM = today - 2 * DAY

  /** One a minute: on average `good` gains, and `bad` loses. */
  const history = () =>
    Array.from({ length: HISTORY }, (_, i) => {
      const closed_at = HISTORY_FROM + i * MINUTE
      const opened_at = closed_at - HOUR / 2
      return closedTrade({
        position_id: `history-${i}`,
        trade_id: `history-${i}`,
        event_id: eventUuid(`history-${i}`),
        source: 'freqtrade',
        timeframe: '5m',
        levers: { strategy: 'Steady', pair: 'BTC/USDT', enter_tag: i % 2 ? 'good' : 'bad', ...clockOf(opened_at) },
        measures: {},
        net_return: (i % 2 ? 0.01 : -0.01) + (((i * 7_919) % 11) - 5) * 0.01,
        opened_at,
        closed_at,
      })
    })

  async function publish(events: PositionClosed[]): Promise<void> {
    const { log, codec, config } = loop.deps
    await log.produce(
      config.topic,
      await Promise.all(events.map(async (e) => ({ key: e.position_id, value: await codec.encode(e), headers: {} }))),
    )
  }
})

const clockOf = (ms: number) => ({
  hour: new Date(ms).toISOString().slice(11, 13),
  weekday: ['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat'][new Date(ms).getUTCDay()] as string,
})
