/** What is learned, for a person: the baseline first, then the coefficients with hot and cold ones marked. */
import { shortHash } from '../core/runner/consumer-names.ts'
import type { Baseline } from '../core/store/learned.ts'
import type { CoefficientRow } from '../domain/learning/offline.ts'
import { temperature } from '../domain/sizing/temperature.ts'
import { number, table } from './table.ts'

export const NOTHING_LEARNED = 'Nothing is learned yet: no closed trade with an R/R has reached the learner.'

const right = 'right' as const

/** Which version answers, and whether it is the one that answers everybody. */
export interface AnsweringVersion {
  name: string
  hash: string
  build: number
  active: boolean
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

/** `from`: the version that answers, null where nothing is learned; undefined where there is no database (an offline fold). */
export function coefficientsText(
  global_rr: Baseline,
  rows: CoefficientRow[],
  hidden = 0,
  from?: AnsweringVersion | null,
): string {
  const head = versionLines(from ?? null)
  if (global_rr.n === 0) return [...head, NOTHING_LEARNED].join('\n')
  const lines = [
    ...head,
    `baseline: R/R ${number(global_rr.rr_short)} over the last weeks (τ 14 d), ${number(global_rr.rr_long)} over months (τ 90 d), ${global_rr.n} trades`,
    '',
    ...table(
      [
        { title: 'scope' },
        { title: 'name' },
        { title: 'key' },
        { title: 'weight', align: right },
        { title: 'R/R short', align: right },
        { title: 'R/R long', align: right },
        { title: 'n', align: right },
        { title: '' },
      ],
      rows.map((r) => [
        r.scope,
        r.name,
        r.key,
        number(r.weight),
        number(r.rr_short),
        number(r.rr_long),
        String(r.n),
        mark(r),
      ]),
    ),
  ]
  if (rows.length === 0) lines.push('(no coefficient matches)')
  if (hidden > 0) lines.push('', `… and ${hidden} more: --limit 0 prints all of them.`)
  lines.push('', 'hot, cold: the short mean lies above or below the long one by a quarter of it, and by 0.1 at least.')
  return lines.join('\n')
}

function mark({ rr_short, rr_long }: CoefficientRow): string {
  const t = temperature(rr_short, rr_long)
  return t === 'steady' ? '' : t
}
