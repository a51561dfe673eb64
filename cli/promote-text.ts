/** What a switch would change, and what it changed, for a person. Pure. */
import { shortHash } from '../core/runner/consumer-names.ts'
import type { PromotionPlan } from '../services/learner/plan-promotion.ts'
import type { Promotion, VersionName } from '../services/learner/promote.ts'
import { outcomeText } from './outcome-text.ts'
import { number, table } from './table.ts'

const right = 'right' as const

export const label = (version: VersionName): string => `${version.name} (${shortHash({ ...version })})`

export function planText(plan: PromotionPlan): string {
  const { from, to, global_rr, largest, outcome } = plan
  const [now, then] = [outcomeText(outcome.before ?? outcome.after ?? 'rr'), outcomeText(outcome.after ?? 'rr')]
  const lines = [
    `Readers see ${from ? label(from) : 'nothing'}; ${label(to)} would take its place.`,
    behind(plan.lag_records),
    `baseline: ${now.title} ${now.value(global_rr.before.rr_short)} over ${global_rr.before.n} trades now, ${then.title === now.title ? '' : `${then.title} `}${then.value(global_rr.after.rr_short)} over ${global_rr.after.n} then`,
    `coefficients: ${plan.before} now, ${plan.after} then: ${plan.appear} appear, ${plan.vanish} vanish,`,
    `  ${plan.move} of the ${plan.both} that both have move by more than 10 %`,
  ]
  if (largest.length > 0)
    lines.push(
      '',
      'The largest moves of a weight:',
      ...table(
        [
          { title: 'name' },
          { title: 'key' },
          { title: 'now', align: right },
          { title: 'then', align: right },
          { title: 'change', align: right },
          { title: 'n now', align: right },
          { title: 'n then', align: right },
        ],
        largest.map((m) => [
          m.name,
          m.key,
          number(m.before.weight),
          number(m.after.weight),
          `${m.change > 0 ? '+' : ''}${(m.change * 100).toFixed(1)} %`,
          String(m.before.n),
          String(m.after.n),
        ]),
      ),
    )
  lines.push('', 'Nothing was changed (--dry-run).')
  return lines.join('\n')
}

function behind(lag: number | null): string {
  if (lag === null) return 'The log cannot be asked how far it is, or is another one than it has learned from.'
  return lag === 0
    ? 'It has applied all of the log.'
    : `It has not applied all of the log: ${lag} records to go. Until then it is refused.`
}

/** @param back what leads back, for whoever went forward */
export function promotedText(done: Promotion, back?: string): string {
  const { previous, n, topic, lag_records } = done
  const same = previous && previous.hash === done.hash && previous.build === done.build && previous.topic === topic
  const lines = [
    same
      ? `Readers see ${label(done)}, as before: ${n} trades of ${topic} count.`
      : `Readers see ${label(done)} now: ${n} trades of ${topic} count.`,
  ]
  if (lag_records !== 0)
    lines.push(
      lag_records === null
        ? 'The log could not be asked whether that is all of it, or is another one.'
        : `They lack ${lag_records} records of the log until its learner has applied them.`,
    )
  if (previous && !same) lines.push(`Before: ${label(previous)}.${back ? ` Back: ${back}` : ''}`)
  return lines.join('\n')
}
