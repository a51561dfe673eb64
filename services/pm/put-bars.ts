/** Bars of prices that a bot sends: by them trades are scored. */
import { StrandlineError } from '../../core/errors.ts'
import { type BarsBody, parseBars } from '../../domain/closing/given-bars.ts'
import { MAX_CLOCK_SKEW_MS } from '../../domain/validation.ts'
import type { Portfolio } from './portfolio.ts'

export interface StoredBars {
  status: 'stored'
  /** How many were new, and how many different; the others were there already. */
  added: number
  changed: number
}

/**
 * @param body whose fields are of the types that the schema asks for
 * Errors: BARS_INVALID (nothing is stored), STORE_UNREACHABLE (send them again).
 */
export async function putBars({ bars }: Pick<Portfolio, 'bars'>, body: BarsBody): Promise<StoredBars> {
  const answer = await bars.put({ ...parseBars(body), max_skew_ms: MAX_CLOCK_SKEW_MS })
  if (answer.status === 'stored') return answer
  if (answer.status === 'in_future')
    throw new StrandlineError(
      'BARS_INVALID',
      `A bar starts in the future (${iso(answer.start)}); by the database's clock it is ${iso(answer.now)}.`,
      { todo: 'Check the clock of whoever sends it, then that of the database. Nothing was stored.' },
    )
  throw new StrandlineError('BARS_INVALID', `The bars cannot be stored: ${answer.reason}.`, {
    todo: 'Correct them, or lowcap_price_data_ohlc. Nothing was stored.',
  })
}

const iso = (ms: number) => new Date(ms).toISOString()
