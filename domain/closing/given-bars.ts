/** Bars of prices as a bot sends them: rows of [start, open, high, low, close, volume]. Pure. */
import { StrandlineError } from '../../core/errors.ts'
import { byteLength, MAX_ID_BYTES, wellFormed } from '../limits.ts'
import { shown } from '../shown.ts'
import { parseTime } from '../time.ts'
import { MAX_EXIT_MS } from '../validation.ts'

/** Start: ms, or ISO 8601 with a zone. */
export type BarBody = [
  start: number | string,
  open: number | null,
  high: number,
  low: number,
  close: number | null,
  volume?: number | null,
]

/** What may be sent; types and signs are checked by the schema (services/pm/api/bars.ts). */
export interface BarsBody {
  symbol?: string | null
  token_contract?: string | null
  chain?: string | null
  timeframe: string
  bars: BarBody[]
}

export type ReadBar = [
  start: number,
  open: number | null,
  high: number,
  low: number,
  close: number | null,
  volume: number | null,
]

export interface ReadBars {
  token_contract: string
  chain: string
  timeframe: string
  bars: ReadBar[]
}

/** Errors: BARS_INVALID naming the first bar that is none. */
export function parseBars({ symbol, token_contract, chain, timeframe, bars }: BarsBody): ReadBars {
  const token = token_contract || symbol || ''
  for (const [name, value] of Object.entries({ token_contract: token, chain: chain ?? '' })) {
    if (!wellFormed(value)) throw invalid(`The ${name} of the bars is no text.`, 'Correct it.')
    if (byteLength(value) > MAX_ID_BYTES)
      throw invalid(
        `The ${name} of the bars has ${byteLength(value)} bytes, ${MAX_ID_BYTES} are allowed.`,
        'Give a shorter one.',
      )
  }
  if (token === '') throw invalid('The bars have neither symbol nor token_contract.', 'Say what they are prices of.')
  const seen = new Set<number>()
  const read = bars.map((bar, i) => {
    const one = readBar(bar, i)
    if (seen.has(one[0]))
      throw invalid(`Two bars start at ${shown(bar[0])}: bars[${i}] is the second.`, 'Send each once.')
    seen.add(one[0])
    return one
  })
  return { token_contract: token, chain: chain ?? '', timeframe, bars: read }
}

function readBar([time, open, high, low, close, volume = null]: BarBody, i: number): ReadBar {
  const start = typeof time === 'number' ? time : parseTime(time)
  if (start === null || !Number.isInteger(start) || start < 1 || start > MAX_EXIT_MS)
    throw invalid(
      `bars[${i}] starts at ${shown(time)}.`,
      'Give milliseconds since 1970-01-01 UTC, or an ISO 8601 time with a zone.',
    )
  if (low > high)
    throw invalid(
      `bars[${i}] has a low of ${low} above its high of ${high}.`,
      'Write it as [start, open, high, low, close, volume].',
    )
  for (const [name, price] of Object.entries({ open, close }))
    if (price !== null && (price < low || price > high))
      throw invalid(
        `bars[${i}] has an ${name} of ${price} beyond its low and high (${low}, ${high}).`.replace(
          'an close',
          'a close',
        ),
        'Write it as [start, open, high, low, close, volume].',
      )
  return [start, open, high, low, close, volume]
}

const invalid = (message: string, todo: string) =>
  new StrandlineError('BARS_INVALID', message, { todo: `${todo} Nothing was stored.` })
