/** How a coefficient went: its weight, and its means with the outcomes of its trades as points. */
import { html } from 'htm/preact'
import type { VNode } from 'preact'
import { counted, number, type OutcomeText } from '../../numbers.ts'
import { Chart } from '../../ui/chart.ts'
import type { Course, Explained } from '../coefficients/answers.ts'

interface CourseProps {
  course: Course
  trades: Explained['trades']
  outcome: OutcomeText
  choose(event_id: string): void
}

export function CourseCharts({ course: { points, target }, trades, outcome, choose }: CourseProps): VNode {
  const last = points.at(-1)
  if (!last) return html`<p class="quiet">No trade counts in it.</p>` as VNode
  const weights = points.map((p) => p.weight)
  const { times, at, tradeAt } = onOneAxis(points, trades)
  const means = [
    { label: `${outcome.title}, short`, colour: '--line-1', values: at((i) => points[i]?.rr_short), spans: true },
    { label: 'long', colour: '--line-2', values: at((i) => points[i]?.rr_long), spans: true, dash: [6, 4] },
    { label: 'a trade', colour: '--line-3', values: tradeAt.map((t) => t?.outcome ?? null), points: true },
  ]
  return html`
    ${
      target.scope !== 'global' &&
      html`<h3>Weight</h3>
        <${Chart} label=${`Weight after each of its trades: from ${number(weights[0])} to ${number(last.weight)}`} times=${points.map((p) => Date.parse(p.at))}
          series=${[{ label: 'weight', colour: '--line-1', values: weights, steps: true }]} format=${(w: number) => number(w)} height=${180} />`
    }
    <h3>${outcome.title}, with its trades as points</h3>
    <${Chart} label=${`${outcome.title} over time: ${outcome.value(last.rr_short)} of late, ${outcome.value(last.rr_long)} over months, after ${counted(last.n, 'trade')}`}
      times=${times} series=${means} format=${outcome.value} height=${260} onPoint=${(i: number) => tradeAt[i] && choose(tradeAt[i].event_id)} />
    <p class="quiet">A click on a point shows its trade. ${trades.length < last.n ? `${counted(trades.length, 'trade')} of ${last.n} are drawn: those with the largest shares.` : ''}</p>
  ` as unknown as VNode
}

/** All times at which there is a point of the course or a trade, once each; several trades of one moment each have a place. */
function onOneAxis(points: CourseProps['course']['points'], trades: CourseProps['trades']) {
  const places: { ms: number; point?: number; trade?: CourseProps['trades'][number] }[] = points.map((p, point) => ({
    ms: Date.parse(p.at),
    point,
  }))
  for (const trade of trades) places.push({ ms: Date.parse(trade.closed_at), trade })
  places.sort((a, b) => a.ms - b.ms)
  return {
    times: places.map((p) => p.ms),
    at: (value: (point: number) => number | undefined) =>
      places.map((p) => (p.point === undefined ? null : (value(p.point) ?? null))),
    tradeAt: places.map((p) => p.trade),
  }
}
