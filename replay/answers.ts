/** What the commands about the log print with --json: the same objects are the answers of the page's API. */
import { StrandlineError } from '../core/errors.ts'
import type { LearnedCoefficients, LearnedModel } from '../core/store/learned.ts'
import type { Cut } from '../domain/history/cut.ts'
import { learnedOutcome } from '../domain/learning/outcome.ts'
import { leastDifference } from '../domain/sizing/temperature.ts'
import { course } from './course.ts'
import { difference } from './diff.ts'
import { explain, groupNamed } from './explain.ts'
import { listTrades } from './list-trades.ts'
import { cutOf, type Moment, momentJson, momentText, type NamedMoment } from './moment.ts'
import { answering, type OpenHistory } from './open-history.ts'

/** A coefficient as a person names it: see `groupNamed`. */
export interface Target {
  name: string
  key?: string
}

/** Which version answered, for JSON; null: no learner ever ran. */
export const answeringVersion = (version: LearnedModel | null) =>
  version && {
    name: version.model.definition.name,
    hash: version.model.hash,
    build: version.build,
    active: version.active,
    outcome: learnedOutcome(version.model.definition),
  }

/** Of `coefficients`: everything but the rows. `least_difference`: by how much the short mean must leave the long one to be hot or cold, at least. */
export const coefficientsHead = (
  { version, global_rr, spread }: Omit<LearnedCoefficients, 'rows'>,
  moment: Moment,
) => ({
  model: answeringVersion(version),
  active: version?.active ?? false,
  ...moment,
  global_rr,
  spread,
  least_difference: version && leastDifference(version.model.definition, spread),
})

/** Errors: USAGE (no such lever or interaction), NOTHING_LEARNED. @param limit 0: all */
export function explainAnswer(opened: OpenHistory, { name, key }: Target, moment: NamedMoment, limit: number) {
  const cut = cutOf(moment, opened.ends)
  const target = groupNamed(opened, name, key)
  const found = explain(opened, target, cut, limit)
  if (!found)
    throw new StrandlineError(
      'NOTHING_LEARNED',
      `No trade counts for ${target.scope === 'global' ? 'the baseline' : `${target.name} ${JSON.stringify(target.key)}`} under ${opened.model.definition.name}${momentText(moment) ? ` ${momentText(moment)}` : ''}.`,
      {
        todo: `See what there is: ./strandline coefficients${target.scope === 'global' ? '' : ` --scope ${target.scope}`}.`,
      },
    )
  return { model: answering(opened), ...momentJson(moment, cut), ...found }
}

/** Errors: USAGE. @param points 0: one for each trade */
export function historyAnswer(opened: OpenHistory, { name, key }: Target, moment: NamedMoment, points: number) {
  const target = groupNamed(opened, name, key)
  const cut = cutOf(moment, opened.ends)
  return {
    model: answering(opened),
    target,
    ...momentJson(moment, cut),
    points: course(opened, target, cut, points),
  }
}

export interface TradesAsked {
  levers: readonly (readonly [name: string, value: string])[]
  /** ms */
  since?: number
  voided?: boolean
  unscored?: boolean
  /** 0: all */
  limit: number
  /** So many of the newest are passed over. */
  offset?: number
}

/** Errors: USAGE. */
export function tradesAnswer(opened: OpenHistory, asked: TradesAsked, moment: NamedMoment) {
  const { levers, voided, unscored, ...rest } = asked
  if (voided && unscored)
    throw new StrandlineError('USAGE', 'Both voided and unscored trades were asked for.', {
      todo: 'Ask for one of them.',
    })
  const cut = cutOf(moment, opened.ends)
  const groups = levers.map(([name, value]) => groupNamed(opened, name, value))
  return {
    model: answering(opened),
    ...momentJson(moment, cut),
    ...listTrades(opened, { groups, voided, unscored, ...rest }, cut),
  }
}

export interface DiffAsked {
  /** ms */
  from: number
  /** ms; without: now. */
  to?: number
  by: 'exit' | 'log'
  /** 0: all */
  limit: number
}

/** Error: USAGE where it ends before it begins. */
export function diffAnswer(opened: OpenHistory, { from, to, by, limit }: DiffAsked) {
  requireOrder(from, to)
  const cut = (at: number | undefined): Cut => (by === 'exit' ? { closedUntil: at } : { takenUntil: at })
  return {
    model: answering(opened),
    from: new Date(from).toISOString(),
    to: to === undefined ? null : new Date(to).toISOString(),
    by,
    ...difference(opened, cut(from), cut(to), limit),
  }
}

/** Error: USAGE. */
export function requireOrder(from: number, to: number | undefined): void {
  if (to !== undefined && to < from)
    throw new StrandlineError('USAGE', 'The second moment lies before the first.', {
      todo: 'Give the earlier one as from, the later one as to.',
    })
}
