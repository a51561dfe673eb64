/** The next revision of a trade, made by a person: corrected, or retracted. Pure. */
import { StrandlineError } from '../core/errors.ts'
import { type BarRow, NO_BARS, scoreOn } from './closing/closing.ts'
import { ratioOf, type Score, type Side } from './closing/rr.ts'
import type { PositionClosed } from './event.ts'
import { finiteOrNull } from './trade-numbers.ts'
import { MAX_RR } from './validation.ts'

/** Who made a revision and why, percent-encoded. */
export const REVISED_BY_HEADER = 'strandline_revised_by'

/** How `revised_by` begins where a person has corrected a trade. */
export const CORRECT = 'correct'

/** '' of a first one, and where nobody says it. */
export function revisedBy(headers: Record<string, unknown>): string {
  const header = headers[REVISED_BY_HEADER]
  if (header === undefined) return ''
  try {
    return decodeURI(String(header))
  } catch {
    return String(header) // of somebody who encodes otherwise
  }
}

export interface Revised {
  /** The newest revision that the log has, and the one that replaces it. */
  before: PositionClosed
  after: PositionClosed
}

const next = (event: PositionClosed, revised_by: string, changes: Partial<PositionClosed>): PositionClosed => {
  const { left_out: _, ...fields } = event
  const revised = { ...fields, ...changes, revision: event.revision + 1, revised_by }
  // what a person says of a trade stays; one without a score may still get one
  return { ...revised, provisional: event.provisional && revised.rr === null && !revised.voided }
}

/** Errors: EVENT_INVALID where it is retracted already. */
export function retracted(event: PositionClosed, by: string): PositionClosed {
  if (event.voided) throw alreadyVoided(event)
  return next(event, by, { voided: true })
}

/** The trade with another R/R, within ±10. Errors: EVENT_INVALID. */
export function withRr(event: PositionClosed, rr: number, by: string): PositionClosed {
  if (event.voided) throw alreadyVoided(event)
  if (!(Math.abs(rr) <= MAX_RR))
    throw new StrandlineError('EVENT_INVALID', `An R/R of ${rr} lies beyond ±${MAX_RR}.`, {
      todo: 'R/R is return / largest drawdown, cut to ±10.',
    })
  return next(event, by, { rr, unscored_reason: null })
}

/**
 * The trade with another exit price, scored on its bars; where there are none, on the extremes that it was scored on before. Its net return follows (netReturnAt).
 * @param said its side, for a trade that does not show it
 * Errors: EVENT_INVALID where it is retracted, a price is none, or its side is unknown or another; POSITION_INVALID where the two prices are too far apart.
 */
export function withExitPrice(
  event: PositionClosed,
  exit_price: number,
  bars: BarRow[],
  by: string,
  said?: Side,
): PositionClosed {
  if (event.voided) throw alreadyVoided(event)
  for (const [name, price] of Object.entries({ 'entry price': event.entry_price, 'exit price': exit_price }))
    if (!(price > 0 && Number.isFinite(price)))
      throw new StrandlineError(
        'EVENT_INVALID',
        `The ${name} of the trade ${event.event_id} would be ${price}, and no R/R can be made of it.`,
        {
          todo:
            name === 'exit price'
              ? 'Give a number above 0.'
              : 'It was imported without prices: correct its R/R (--rr).',
        },
      )
  const changed = { ...event, exit_price }
  const side = knownSide(event, said)
  const score = scoreOn(changed, side, bars)
  const final =
    score.unscored_reason === NO_BARS && event.rr !== null ? scoreOn(changed, side, extremesOf(event, side)) : score
  return next(event, by, { exit_price, ...final, net_return: netReturnAt(event, final.return) })
}

/** Fees may be counted a little otherwise than we do: in what is divided by, too. Relative to the return and the fees. */
const ROUGHLY = 0.01

/**
 * What a trade came to after fees, had it returned `gross`: stake and fees stay what they were, and so does the leverage, which the trade shows itself by the return
 * that it had: (net_return + fees / stake) / return. Null where that cannot be told: no stake or no fees are known, or the return was too little to tell it by.
 */
function netReturnAt({ return: was, net_return, fees, stake }: PositionClosed, gross: number): number | null {
  if (net_return === null || was === gross) return net_return
  if (was === null || fees === null || stake === null) return null
  const cost = fees / stake
  const rough = ROUGHLY * (Math.abs(was) + Math.abs(cost))
  if (Math.abs(was) <= 2 * rough) return null
  const isPlain = Math.abs(net_return - (was - cost)) <= rough
  const leverage = isPlain ? 1 : Math.abs(was) > Math.abs(cost) ? (net_return + cost) / was : Number.NaN
  return leverage > 0 ? finiteOrNull(net_return + leverage * (gross - was)) : null
}

/**
 * The trade with the score of the bars that are there now; null where it is the same, where no bar counts (what was scored is not unscored), or where its side is
 * unknown.
 */
export function rescoredOn(event: PositionClosed, bars: BarRow[], by: string): PositionClosed | null {
  const side = sideOf(event)
  if (side === null) return null
  const score = scoreOn(event, side, bars)
  return score.unscored_reason === NO_BARS || sameScore(event, score) ? null : next(event, by, { ...score })
}

/** The R/R is what a person said (`withRr`), and not what the trade's own figures come to: whoever scores trades again on their bars leaves it. */
export function isRrOfPerson({ revised_by = '', rr, return: gained, max_drawdown }: PositionClosed): boolean {
  if (!revised_by.startsWith(`${CORRECT} `) || rr === null) return false
  return gained === null || max_drawdown === null || !isSame(rr, ratioOf(gained, max_drawdown))
}

/** Relative: below it a score is the same. */
const SAME = 1e-12

const sameScore = (event: PositionClosed, score: Score) =>
  event.unscored_reason === score.unscored_reason &&
  (['rr', 'return', 'max_drawdown', 'max_gain'] as const).every((f) => isSame(event[f], score[f]))

const isSame = (was: number | null, is: number | null) =>
  was === is || (was !== null && is !== null && Math.abs(was - is) <= SAME * Math.max(1, Math.abs(was)))

/** An event does not say its side, but its return does: a short one gains where the price falls. null: not where nobody says the return, or it is nothing. */
export function sideOf(event: Pick<PositionClosed, 'entry_price' | 'exit_price' | 'return'>): Side | null {
  const shown = (event.return ?? 0) * (event.exit_price - event.entry_price)
  if (shown === 0) return null
  return shown < 0 ? 'short' : 'long'
}

function knownSide(event: PositionClosed, said: Side | undefined): Side {
  const side = sideOf(event) ?? said
  if (side === undefined)
    throw new StrandlineError(
      'EVENT_INVALID',
      `The trade ${event.event_id} does not show whether it was long or short.`,
      {
        todo: 'Say it: --side long, or --side short.',
      },
    )
  if (said !== undefined && said !== side)
    throw new StrandlineError(
      'EVENT_INVALID',
      `The trade ${event.event_id} was ${side}: its prices and its return show it.`,
      {
        todo: 'Leave --side out, or look whether this is the trade that you mean.',
      },
    )
  return side
}

/** One bar that has the lowest and the highest price of the trade's way, as far as its score tells. */
function extremesOf({ entry_price: entry, max_drawdown, max_gain, opened_at }: PositionClosed, side: Side): BarRow[] {
  const [down, up] = side === 'long' ? [max_drawdown, max_gain] : [max_gain, max_drawdown]
  return [[opened_at, entry * (1 - (down ?? 0)), entry * (1 + (up ?? 0))]]
}

const alreadyVoided = ({ event_id, revision }: PositionClosed) =>
  new StrandlineError('EVENT_INVALID', `The trade ${event_id} is retracted (revision ${revision}).`, {
    todo: 'A retracted trade stays so: import what takes its place under a position_id and a trade_id of its own.',
  })
