import { StrandlineError } from '../core/errors.ts'

/**
 * The timeframes of positions: each has a tick, and a share of an allocation. While nothing is learned it is this one, which people found sensible.
 * A new one is a row here and a word in the vocabulary of the models that learn it (models/lowcap-v4.json); test/timeframes.test.ts holds the two together.
 */
const SHARES = { '1m': 0.05, '15m': 0.125, '1h': 0.7, '4h': 0.125 }
export type Timeframe = keyof typeof SHARES
export const TIMEFRAMES = Object.keys(SHARES) as Timeframe[]
export const SHARES_BEFORE_LEARNING: Record<Timeframe, number> = SHARES
/** Among the timeframes: those of all trades that have none of the others. */
export const OTHERS = 'other'

const UNIT_MS: Record<string, number> = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000, w: 604_800_000 }

/** Length of a bar in milliseconds: `1m`, `15m`, `4h`, `1d`, `1w` … Errors: POSITION_INVALID for anything else (a month has no fixed length). */
export function timeframeMs(timeframe: string): number {
  const match = /^([1-9]\d{0,4})([smhdw])$/.exec(timeframe)
  if (!match)
    throw new StrandlineError('POSITION_INVALID', `'${timeframe.slice(0, 64)}' is not a timeframe.`, {
      todo: 'Write a number and s, m, h, d or w, e.g. 15m.',
    })
  return Number(match[1]) * UNIT_MS[match[2]!]!
}
