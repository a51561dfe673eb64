/** A backtest that was run again: what it changes of the trades that were imported of it before. Pure. */
import type { PositionClosed } from '../event.ts'
import { type Revised, retracted } from '../revision.ts'

export const BACKTEST_SOURCE = 'import:freqtrade'

/** What a backtest speaks for: trades of its strategy, timeframe and pairs that were entered in its time, and that it does not have, did not happen. */
export interface BacktestRun {
  strategy: string
  timeframe: string
  /** null: it does not say. */
  pairs: readonly string[] | null
  /** First and last candle, ms. */
  from: number
  to: number
}

export interface Replacement {
  /** The log has not had them yet, or it lacks their score or their money. */
  missing: PositionClosed[]
  /** As they are in the log. */
  same: number
  /** Trades that came out otherwise, or are back. */
  changed: Revised[]
  /** Trades that the run has no more: retracted. */
  gone: Revised[]
  /** A person has corrected or retracted them, and so they stay, whatever the run says. */
  kept: PositionClosed[]
}

export const backtestPosition = (strategy: string, pair: string, timeframe: string): string =>
  `freqtrade/${strategy}/${pair}/${timeframe}`

/** How a revision begins that says itself that an import made it. */
const IMPORT = 'import freqtrade'
export const importedBy = (person: string, file: string): string => `${IMPORT} by ${person}: ${file}`

export function speaksFor(run: BacktestRun, event: PositionClosed): boolean {
  const { strategy, timeframe, pairs, from, to } = run
  return (
    event.source === BACKTEST_SOURCE &&
    event.position_id === backtestPosition(strategy, event.symbol, timeframe) &&
    (pairs === null || pairs.includes(event.symbol)) &&
    event.opened_at >= from &&
    event.opened_at <= to
  )
}

/**
 * @param events of the backtest, revision 0
 * @param known the newest revision of each trade of it that the log has, and of each that a run speaks for
 * @param by who imports, of `importedBy`
 */
export function replacementOf(
  events: readonly PositionClosed[],
  known: readonly PositionClosed[],
  runs: readonly BacktestRun[],
  by: string,
): Replacement {
  const found: Replacement = { missing: [], same: 0, changed: [], gone: [], kept: [] }
  const before = new Map(known.map((event) => [event.event_id, event]))
  for (const event of events) {
    const was = before.get(event.event_id)
    if (!was) found.missing.push(event)
    else {
      const is = completed(event, was)
      const isSame = !was.voided && differing(is, was).length === 0
      if (isSame) found.same++
      else if (isByPerson(was)) {
        found.kept.push(was)
        // what it came to in money is put beside what the person said
        if (!was.voided && isUnknown(was.net_return) && event.net_return !== null) found.missing.push(event)
      } else if (!was.voided && differing(is, was).every((field) => isUnknown(was[field]))) found.missing.push(event)
      else found.changed.push({ before: was, after: { ...is, revision: was.revision + 1, revised_by: by } })
    }
  }
  const has = new Set(events.map((event) => event.event_id))
  for (const was of known) {
    if (was.voided || has.has(was.event_id) || !runs.some((run) => speaksFor(run, was))) continue
    if (isByPerson(was)) found.kept.push(was)
    else found.gone.push({ before: was, after: retracted(was, by) })
  }
  return found
}

const isByPerson = ({ revised_by = '' }: PositionClosed) => revised_by !== '' && !revised_by.startsWith(IMPORT)
const isUnknown = (value: unknown) => value === null || value === undefined

const PLACE = ['opened_at', 'closed_at', 'entry_price', 'exit_price'] as const
const SCORE = ['rr', 'return', 'max_drawdown', 'max_gain'] as const
const MONEY = ['net_return', 'fees', 'stake', 'risk_at_entry'] as const
const NUMBERS = [...PLACE, ...SCORE, ...MONEY]
type Field = (typeof NUMBERS)[number] | 'decision_type' | 'levers'

/** What was known of the same trade, and is not said this time, stays: its candles may lie elsewhere. */
function completed(event: PositionClosed, was: PositionClosed): PositionClosed {
  if (!PLACE.every((field) => event[field] === was[field])) return event
  const is = { ...event }
  for (const field of MONEY) is[field] ??= was[field]
  if (event.rr !== null || was.rr === null) return is
  for (const field of SCORE) is[field] = was[field]
  return { ...is, unscored_reason: was.unscored_reason }
}

/** Relative, and below 1 too: there are pairs whose price is 1e-12. */
const SAME = 1e-12

function differing(is: PositionClosed, was: PositionClosed): Field[] {
  const fields: Field[] = NUMBERS.filter((field) => {
    const [a, b] = [is[field] ?? null, was[field] ?? null]
    return a !== b && (a === null || b === null || Math.abs(a - b) > SAME * Math.max(Math.abs(a), Math.abs(b)))
  })
  if (is.decision_type !== was.decision_type) fields.push('decision_type')
  const names = new Set([...Object.keys(is.levers), ...Object.keys(was.levers)])
  if ([...names].some((name) => is.levers[name] !== was.levers[name])) fields.push('levers')
  return fields
}
