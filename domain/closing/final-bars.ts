/** Whether a trade's bars are all there: a score on fewer of them is provisional. Pure. */
import { timeframeMs } from '../timeframe.ts'
import { counts } from './rr.ts'

/** What the database knows of the bars at the end of a trade, of its token and timeframe. Times in ms. */
export interface ExitBars {
  /** Start of the last bar that may cover the exit; null: none of them is stored. */
  exit_bar: number | null
  /** A bar that begins behind the trade is stored. */
  later_bar: boolean
  /** The database's clock when it looked. */
  now: number
}

interface TradeTimes {
  timeframe: string
  /** ms */
  opened_at: number
  closed_at: number
}

/** Whoever writes a bar while it runs writes it for the last time within its own length after its end, and within this. */
const LAST_WRITE_MS = 300_000
/** As long as a weekend on which whoever collects prices stands still. */
const WAIT_MS = 3 * 86_400_000

/**
 * No bar that counts will come any more, or change: the one that covers the exit is stored and has ended, or a later one is stored. Bars are stored in the
 * order of time, and a market in which nobody traded leaves one out: then there is none that covers the exit.
 */
export function barsAreFinal(
  { timeframe, opened_at, closed_at }: TradeTimes,
  { exit_bar, later_bar, now }: ExitBars,
): boolean {
  if (later_bar) return true
  const length = timeframeMs(timeframe)
  return (
    exit_bar !== null &&
    counts(exit_bar, length, opened_at, closed_at) &&
    exit_bar + length >= closed_at &&
    exit_bar + length + Math.min(length, LAST_WRITE_MS) <= now
  )
}

/** Until when bars are waited for, ms: a token that nobody trades any more gets none. Counted from the close, as whoever was away closes and collects late. */
export const waitsUntil = ({ timeframe, closed_at }: TradeTimes, now: number): number =>
  Math.max(now, closed_at + timeframeMs(timeframe)) + WAIT_MS
