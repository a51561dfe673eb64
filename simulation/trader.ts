/** The trader: reports each execution to whichever PM answers, again and again until it is taken. It is outside of what is tested, and never dies. */

import { StrandlineError } from '../core/errors.ts'
import type { PositionClosed } from '../domain/event.ts'
import { openPosition, type Portfolio, reportExecution } from '../services/pm/index.ts'
import { insertBar } from '../services/pm/memory-bars.ts'
import type { PlannedBar, PlannedTrade } from './planned.ts'
import { createProcess } from './process.ts'
import { createStream } from './streams.ts'
import type { World } from './world.ts'

export interface Trader {
  /** Those that were reported whole. */
  done: Set<PlannedTrade>
  /** While it is above 0, nothing new is sent. */
  holds: number
  /** Requests without an answer. */
  open: number
  /** What a PM said of a close, by position; a position that a tick closes has none. */
  told: Map<string, PositionClosed>
}

const PATIENCE_MS = 8_000
const AGAIN_MS = 700

export function startTrader(world: World): Trader {
  const { plan, scheduler, network, db, machines } = world
  const chance = createStream(plan.seed, 'trader')
  const process = createProcess(
    'trader',
    scheduler,
    createStream(plan.seed, 'trader-ids'),
    () => world.clocks.trader ?? 0,
  )
  const call = network.callsOf(process)
  const { sleep } = process.clock
  const trader: Trader = { done: new Set(), holds: 0, open: 0, told: new Map() }

  async function insist<T>(what: string, request: (pm: Portfolio) => Promise<T>): Promise<T> {
    for (;;) {
      while (trader.holds > 0) await sleep(AGAIN_MS)
      const machine = chance.pick(machines.filter((m) => m.name.startsWith('pm')))
      const asked = call('pm', what, () => {
        if (!machine.portfolio) throw new StrandlineError('STORE_UNREACHABLE', 'Connection refused.')
        return request(machine.portfolio)
      })
      trader.open++
      const answer = await Promise.race([
        asked.then(
          (value) => ({ value }),
          () => null,
        ),
        sleep(PATIENCE_MS).then(() => null),
      ])
      trader.open--
      if (answer) return answer.value
      await sleep(AGAIN_MS)
    }
  }

  async function run(trade: PlannedTrade): Promise<void> {
    const { position_id: id, side, timeframe, context } = trade
    await sleep(trade.begins)
    const position = {
      id,
      token_chain: 'base',
      token_contract: `0x${id}`,
      token_ticker: 'T',
      timeframe,
      side,
      entry_context: context,
    }
    await insist(`open ${id}`, (pm) => openPosition(pm, position))
    for (const { at, quantity, size_frac, ...execution } of trade.executions) {
      const body = {
        ...execution,
        ...(quantity === null ? {} : { quantity }),
        ...(size_frac === null ? {} : { size_frac }),
        ...(at === null ? {} : { executed_at: new Date(at).toISOString() }),
      }
      const { closed } = await insist(`report ${execution.id}`, (pm) => reportExecution(pm, id, body))
      if (closed) trader.told.set(id, closed)
      await sleep(trade.pause)
    }
    trader.done.add(trade)
  }

  /** Whoever collects prices. */
  async function writeBars({ position_id, timeframe }: PlannedTrade, bars: PlannedBar[], at: number): Promise<void> {
    if (bars.length === 0) return
    await sleep(at)
    while (trader.holds > 0 || network.isAway('database') || world.diskFull) await sleep(AGAIN_MS)
    const of = { token_contract: `0x${position_id}`, chain: 'base', timeframe }
    db.transaction(() => {
      for (const { start, low, high } of bars) insertBar(db, { ...of, start, low_usd: low, high_usd: high })
    })
  }

  for (const trade of plan.trades) {
    const { bars, bars_at, late_bars } = trade
    if (bars_at !== null) void writeBars(trade, bars.slice(0, late_bars?.from), bars_at)
    if (late_bars) void writeBars(trade, bars.slice(late_bars.from), late_bars.at)
    void run(trade)
  }
  return trader
}
