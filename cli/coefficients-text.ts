/** What is learned, for a person: the baseline first, then the coefficients with hot and cold ones marked. */
import { shortHash } from '../core/runner/consumer-names.ts'
import type { Baseline, LearnedCoefficients } from '../core/store/learned.ts'
import type { ModelDefinition } from '../domain/learning/model.ts'
import type { WeighedRow } from '../domain/learning/offline.ts'
import { learnedOutcome, type OutcomeDefinition } from '../domain/learning/outcome.ts'
import { leastDifference, temperature } from '../domain/sizing/temperature.ts'
import { type OutcomeText, outcomeText } from './outcome-text.ts'
import { number, table } from './table.ts'
import { TRUST_LINES, trustCells, trustColumns } from './trust-text.ts'

/** @param outcome what the model learns; null: no model is known */
export const nothingLearned = (outcome: OutcomeDefinition | null): string =>
  `Nothing is learned yet: no closed trade${outcome === null ? '' : ` with ${outcomeText(outcome).one}`} has reached the learner.`

const right = 'right' as const

/** Which version answers, and whether it is the one that answers everybody. */
export interface AnsweringVersion {
  name: string
  hash: string
  build: number
  active: boolean
  /** What it learns. */
  outcome: OutcomeDefinition
  /** Of which moment the answer is, as a line; undefined: of now. */
  moment?: string
}

export const versionLines = (version: AnsweringVersion | null): string[] =>
  version === null
    ? []
    : [
        ...modelLines({ model: `${version.name} (${shortHash(version)})`, active: version.active }),
        ...(version.moment === undefined ? [] : [version.moment]),
      ]

export const modelLines = ({ model, active }: { model: string | null; active: boolean }): string[] =>
  model === null ? [] : [`model: ${model}, ${active ? 'active' : 'not active (./strandline promote switches)'}`]

/**
 * @param definition of the model; null: nothing is learned
 * @param from the version that answers, null where nothing is learned; undefined where there is no database (an offline fold)
 */
export function coefficientsText(
  definition: ModelDefinition | null,
  { global_rr, rows, spread }: Pick<LearnedCoefficients, 'global_rr' | 'rows' | 'spread'>,
  hidden = 0,
  from?: AnsweringVersion | null,
): string {
  const head = versionLines(from ?? null)
  if (global_rr.n === 0) return [...head, nothingLearned(definition && learnedOutcome(definition))].join('\n')
  const outcome = outcomeText(learnedOutcome(definition ?? {}))
  const least = leastDifference(definition ?? {}, spread)
  const mark = ({ rr_short, rr_long }: WeighedRow) => {
    const t = temperature(rr_short, rr_long, least)
    return t === 'steady' ? '' : t
  }
  const believes = definition?.rule === 'shrunk'
  const lines = [
    ...head,
    `baseline: ${meansText(outcome, global_rr)}, ${global_rr.n} trades`,
    '',
    ...(believes
      ? table(
          [{ title: 'name' }, { title: 'key' }, ...trustColumns(outcome)],
          rows.map((r) => [r.name, r.key, ...trustCells(outcome, r, mark(r))]),
        )
      : table(
          [
            { title: 'scope' },
            { title: 'name' },
            { title: 'key' },
            { title: 'weight', align: right },
            { title: pairHeading(outcome, 'short'), align: right },
            { title: pairHeading(outcome, 'long'), align: right },
            { title: 'n', align: right },
            { title: '' },
          ],
          rows.map((r) => [
            r.scope,
            r.name,
            r.key,
            number(r.weight),
            outcome.cell(r.rr_short),
            outcome.cell(r.rr_long),
            String(r.n),
            mark(r),
          ]),
        )),
  ]
  if (rows.length === 0) lines.push('(no coefficient matches)')
  if (hidden > 0) lines.push('', `… and ${hidden} more: --limit 0 prints all of them.`)
  lines.push('', ...(believes ? TRUST_LINES : []))
  lines.push(
    `hot, cold: the short mean lies above or below the long one by a quarter of it, and by ${outcome.value(least)} at least.`,
  )
  return lines.join('\n')
}

/** Both means, with what they are means of. */
export const meansText = (
  outcome: OutcomeText,
  { rr_short, rr_long }: Pick<Baseline, 'rr_short' | 'rr_long'>,
): string =>
  `${outcome.title} ${outcome.value(rr_short)} over the last weeks (τ 14 d), ${outcome.value(rr_long)} over months (τ 90 d)`

/** Of a column of means, where nothing else beside it says what they are of. */
export const pairHeading = (outcome: OutcomeText, which: 'short' | 'long'): string =>
  outcome.title === 'R/R' ? `R/R ${which}` : outcome.heading(which)
