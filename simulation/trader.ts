/** The trader: reports each execution, and whoever collects prices stores bars. */
import type { PositionClosed } from '../domain/event.ts'
import { openPosition, reportExecution } from '../services/pm/index.ts'
import { insertBar } from '../services/pm/memory-bars.ts'
import { AGAIN_MS, type Asking } from './asking.ts'
import type { PlannedBar, PlannedTrade } from './planned.ts'
import type { World } from './world.ts'

export interface Trader {
  /** Those that were reported whole. */
  done: Set<PlannedTrade>
  /** What a PM said of a close, by position; a position that a tick closes has none. */
  told: Map<string, PositionClosed>
}

export function startTrader(world: World, { insist, sleep }: Asking): Trader {
  const trader: Trader = { done: new Set(), told: new Map() }

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

  for (const trade of world.plan.trades) void run(trade)
  return trader
}

/** Whoever collects prices, of what is traded here and of what a bot trades. */
export function startBars(world: World, { sleep, holding }: Asking): void {
  async function write({ position_id, timeframe }: PlannedTrade, bars: PlannedBar[], at: number): Promise<void> {
    if (bars.length === 0) return
    await sleep(at)
    const { network, db } = world
    while (holding() || network.isAway('database') || world.diskFull) await sleep(AGAIN_MS)
    const of = { token_contract: `0x${position_id}`, chain: 'base', timeframe }
    db.transaction(() => {
      for (const { start, low, high } of bars) insertBar(db, { ...of, start, low_usd: low, high_usd: high })
    })
  }

  const { plan } = world
  for (const trade of [...plan.trades, ...plan.posts.map((post) => post.trade)]) {
    const { bars, bars_at, late_bars } = trade
    if (bars_at !== null) void write(trade, bars.slice(0, late_bars?.from), bars_at)
    if (late_bars) void write(trade, bars.slice(late_bars.from), late_bars.at)
  }
}
