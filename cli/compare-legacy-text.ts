/** A comparison with the old table, for a person. */
import type { OutcomeDefinition } from '../domain/learning/outcome.ts'
import type { Comparison } from '../moving/compare.ts'
import { WHY_TEXT, WHYS } from '../moving/difference.ts'
import { outcomeText } from './outcome-text.ts'
import { number, table } from './table.ts'

const right = 'right' as const

export function comparisonText(
  { table: old, model, outcome, baseline, rows, summary }: Comparison,
  limit: number,
): string {
  if (old === null)
    return 'This database had no table learning_coefficients before Strandline: its readers see what is learned, and there is nothing to compare.'
  const shown = limit === 0 ? rows : rows.slice(0, limit)
  const lines = [
    `old: ${old}; here: ${model ?? 'no model has learned yet'}`,
    `baseline: ${baselineText(baseline.old, 'rr')} there, ${baselineText(baseline.ours, outcome ?? 'rr')} here`,
    '',
    ...table(
      [
        { title: 'module' },
        { title: 'scope' },
        { title: 'name' },
        { title: 'key' },
        { title: 'old weight', align: right },
        { title: 'here', align: right },
        { title: 'old n', align: right },
        { title: 'n', align: right },
        { title: 'why' },
      ],
      shown.map((r) => [
        r.module,
        r.scope,
        r.name,
        r.key,
        number(r.old?.weight ?? null),
        number(r.ours?.weight ?? null),
        r.old ? String(r.old.n) : '–',
        r.ours ? String(r.ours.n) : '–',
        r.sentence,
      ]),
    ),
    '',
  ]
  if (rows.length > shown.length)
    lines.push(`… and ${rows.length - shown.length} more rows: --limit 0 prints all of them.`, '')
  lines.push(...WHYS.filter((w) => summary[w] > 0).map((w) => `${String(summary[w]).padStart(7)}  ${WHY_TEXT[w]}`))
  if (summary.new_interactions === null) lines.push('   many  interactions that are only here')
  else if (summary.new_interactions > 0)
    lines.push(`${String(summary.new_interactions).padStart(7)}  interactions that are only here`)
  if (summary.opposite > 0)
    lines.push('', `${summary.opposite} of them lie above 1 on one side and below it on the other.`)
  lines.push(
    '',
    'The old rule: a moving average whose newest trade always weighs a half. Here: every trade by its age, exactly (τ 14 and 90 days).',
  )
  if (outcome !== null && outcome !== 'rr')
    lines.push(
      `The old one learned R/R, ${model} learns the ${outcomeText(outcome).title}: that alone makes weights differ.`,
    )
  return lines.join('\n')
}

function baselineText(global: unknown, of: OutcomeDefinition): string {
  const outcome = outcomeText(of)
  const { rr_short, n } = (global ?? {}) as { rr_short?: unknown; n?: unknown }
  return typeof rr_short === 'number'
    ? `${outcome.title} ${outcome.value(rr_short)} of ${String(n ?? '?')} trades`
    : 'none'
}
