/** How far each consumer was behind, over the last hours. */
import { html } from 'htm/preact'
import type { VNode } from 'preact'
import type { LoopState } from '../../../page/loop/state.ts'
import { count } from '../../numbers.ts'
import { Chart } from '../../ui/chart.ts'

export function LagChart({ state: { course, consumers } }: { state: LoopState }): VNode {
  if (course.length < 3)
    return html`<p class="quiet">A point every ten seconds, of the last six hours, since the page was started.</p>` as VNode
  const series = consumers.map(({ consumer }, i) => ({
    label: consumer,
    colour: `--line-${(i % 6) + 1}`,
    values: course.map((p) => p.lag[consumer] ?? null),
  }))
  const times = course.map((p) => Date.parse(p.at))
  return html`<${Chart} label="Records behind, by consumer" times=${times} series=${series} format=${(n: number) => count(Math.round(n))} height=${180} />` as VNode
}
