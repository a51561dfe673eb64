/** Trades for the PM, invented from the seed: what a trader opens and closes, and the bars of its price. */
import { createDice, type Dice } from '../dice.ts'

export interface Bar {
  /** ms; it covers the length of the timeframe. */
  start: number
  low: number
  high: number
}

export interface PlannedTrade {
  position_id: string
  chain: string
  contract: string
  timeframe: Timeframe
  context: Record<string, string | number>
  entry_price: number
  exit_price: number
  opened_at: number
  closed_at: number
  /** How its exit is dated: in the past; not at all, which is now; or by a trader's clock that is ahead, as far as it may be. */
  dated: 'then' | 'now' | 'soon'
  exit: 'trim' | 'emergency_exit'
  /** None: nobody stored any, or it is not dated then, and the trade cannot be scored. */
  bars: Bar[]
}

export const BAR_MS = { '1m': 60_000, '15m': 900_000, '1h': 3_600_000, '4h': 14_400_000 } as const
export type Timeframe = keyof typeof BAR_MS

const TIMEFRAMES = Object.keys(BAR_MS) as Timeframe[]
const CHAINS = ['solana', 'base', 'ethereum', 'bsc']
const CURATORS = ['0xdetweiler', 'eleetmo', 'zeta|one', 'louis%cooper']
const CAPS = ['<500k', '500k-1m', '1M-2M', ' 2m-5m ', 'unheard of']
const INTENTS = ['research_positive', 'pump_call', 'new_listing']
const DAY_MS = 86_400_000
const SPAN_DAYS = 120

/** Readers refuse what is more than five minutes ahead of the broker's clock. */
const SOON_MS = 4.5 * 60_000

export interface TradeSource {
  next(): PlannedTrade
}

/** @param run tells the positions of this run from those of another; @param now ms: all exits lie in the months before it */
export function createTrades(seed: number, run: string, now: number): TradeSource {
  const dice = createDice(seed, 'trades')
  let made = 0
  return {
    next() {
      const position_id = `torture-${run}-${made++}`
      const timeframe = dice.pick(TIMEFRAMES)
      const then = Math.floor(now - DAY_MS - dice.next() * SPAN_DAYS * DAY_MS)
      const opened_at = Math.floor(then - dice.between(0.1, 3) * BAR_MS[timeframe])
      const entry_price = dice.between(0.5, 2)
      const exit_price = entry_price * dice.between(0.7, 1.6)
      const drawn = dice.next()
      const dated = drawn < 0.1 ? 'now' : drawn < 0.15 ? 'soon' : 'then'
      const closed_at = dated === 'soon' ? Date.now() + SOON_MS : then
      return {
        position_id,
        chain: dice.pick(CHAINS),
        contract: `0x${position_id}`,
        timeframe,
        context: contextOf(dice),
        entry_price,
        exit_price,
        opened_at,
        closed_at,
        dated,
        exit: dice.chance(0.8) ? 'trim' : 'emergency_exit',
        bars:
          dated !== 'then' || dice.chance(0.05)
            ? []
            : barsOf(dice, timeframe, opened_at, closed_at, entry_price, exit_price),
      }
    },
  }
}

/** Some levers by their field, some by a measure, some not at all. */
export function contextOf(dice: Dice): Record<string, string | number> {
  const context: Record<string, string | number> = { curator: dice.pick(CURATORS), chain: dice.pick(CHAINS) }
  if (dice.chance(0.5)) context.mcap_bucket = dice.pick(CAPS)
  if (dice.chance(0.7)) context.mcap_at_entry = Math.round(dice.between(100_000, 8_000_000))
  if (dice.chance(0.7)) context.vol_at_entry = dice.chance(0.05) ? 0 : Math.round(dice.between(5_000, 600_000))
  if (dice.chance(0.6)) context.age_at_entry = Math.round(dice.between(0, 100))
  if (dice.chance(0.8)) context.intent = dice.pick(INTENTS)
  if (dice.chance(0.5)) context.mapping_confidence = dice.pick(['low', 'high'])
  return context
}

/** From one bar before the entry to one after the exit: these two must not count. */
function barsOf(dice: Dice, timeframe: Timeframe, from: number, to: number, entry: number, exit: number): Bar[] {
  const length = BAR_MS[timeframe]
  const first = Math.floor(from / length) - 1
  const last = Math.floor(to / length) + 1
  return Array.from({ length: last - first + 1 }, (_, i) => {
    const outside = i === 0 || i === last - first
    const low = Math.min(entry, exit) * (outside ? 0.1 : dice.between(0.8, 1))
    return { start: (first + i) * length, low, high: Math.max(entry, exit) * (outside ? 10 : dice.between(1, 1.2)) }
  })
}
