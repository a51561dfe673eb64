/** Why a coefficient of the old system and ours differ, in one sentence. Pure. */

export interface Value {
  weight: number | null
  rr_short: number | null
  rr_long: number | null
  n: number
}

/** What the old rule makes of the trades in the log: a moving average, in the order of the exits, whose newest trade always weighs a half. */
export interface ByOldRule {
  rr: number
  n: number
  /** R/R of the newest of them. */
  newest: number
}

export interface Compared {
  old: Value | null
  ours: Value | null
  /** The active model has a lever or an interaction of this name. */
  learned: boolean
  /** Over every trade of the log; null: none. */
  all: ByOldRule | null
  /** Over those that had closed when the old row was last updated. */
  seen: ByOldRule | null
}

export const WHYS = ['equal', 'rule', 'stopped', 'fewer', 'more', 'other', 'new', 'no_trade', 'not_learned'] as const
export type Why = (typeof WHYS)[number]

/** For a heading: what rows with this reason have in common. */
export const WHY_TEXT: Record<Why, string> = {
  equal: 'equal',
  rule: 'the same trades, by another rule',
  stopped: 'the old table stopped, and by another rule',
  fewer: 'the old table counted fewer trades',
  more: 'the old table counted more trades',
  other: 'as many trades, and not what the old rule makes of them',
  new: 'only here',
  no_trade: 'only there: no trade of the log has it',
  not_learned: 'only there: the model does not learn it',
}

/** The old table keeps as few as four decimals. */
const CLOSE = 1e-4

export function differenceOf({ old, ours, learned, all, seen }: Compared): { why: Why; sentence: string } {
  if (old === null)
    return { why: 'new', sentence: `Learned from ${trades(ours?.n ?? 0)}; the old system never had it.` }
  if (ours === null)
    return learned
      ? { why: 'no_trade', sentence: 'No scored trade of the log has it: after a switch readers find no row.' }
      : { why: 'not_learned', sentence: 'The model does not learn it: readers go on seeing the old value.' }
  if (old.n === ours.n && near(old.weight, ours.weight) && near(old.rr_short, ours.rr_short))
    return { why: 'equal', sentence: 'Equal.' }
  if (seen && old.n === seen.n && near(old.rr_short, seen.rr))
    return seen.n === all?.n
      ? {
          why: 'rule',
          sentence: `The same ${trades(old.n)}: there the newest (R/R ${short(seen.newest)}) weighs a half, here each by its age.`,
        }
      : {
          why: 'stopped',
          sentence: `It stopped after ${old.n} of ${trades(ours.n)}, and its newest (R/R ${short(seen.newest)}) weighs a half.`,
        }
  if (old.n < ours.n)
    return {
      why: 'fewer',
      sentence: `It counted ${old.n} of ${trades(ours.n)}; by its rule all of them give R/R ${ruled(all)}.`,
    }
  if (old.n > ours.n)
    return {
      why: 'more',
      sentence: `It counted ${trades(old.n)}, the log has ${ours.n}: counted twice there, or not in the log (./strandline audit, backfill --dry-run).`,
    }
  return {
    why: 'other',
    sentence: `As many trades, of which its rule gives R/R ${ruled(all)}: it took them in another order, or with other R/R.`,
  }
}

const trades = (n: number) => `${n} trade${n === 1 ? '' : 's'}`
const short = (x: number) => x.toFixed(2)
const ruled = (by: ByOldRule | null) => (by ? short(by.rr) : '–')

function near(a: number | null, b: number | null): boolean {
  if (a === null || b === null) return a === b
  return Math.abs(a - b) <= CLOSE * Math.max(1, Math.abs(a), Math.abs(b))
}
