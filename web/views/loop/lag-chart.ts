/** How far each consumer was behind, over the last hours. */
import { html } from 'htm/preact'
import type { VNode } from 'preact'
import { useEffect } from 'preact/hooks'
import type { Course } from '../../../page/loop/state.ts'
import { useAnswer } from '../../api.ts'
import { count } from '../../numbers.ts'
import { Chart } from '../../ui/chart.ts'
import { Answer } from '../../ui/notice.ts'

const AGAIN_MS = 30_000

export function LagChart(): VNode {
  const answer = useAnswer<Course>('/v1/course')
  useEffect(() => {
    const timer = setInterval(answer.again, AGAIN_MS)
    return () => clearInterval(timer)
  }, [])
  return html`<${Answer} of=${answer}>${(course: Course) => html`<${Lines} course=${course} />`}<//>` as VNode
}

function Lines({ course: { at, lag } }: { course: Course }): VNode {
  if (at.length < 3)
    return html`<p class="quiet">A point every half minute, of the last six hours, since the page was started.</p>` as VNode
  const series = Object.entries(lag).map(([label, values], i) => ({ label, colour: `--line-${(i % 6) + 1}`, values }))
  return html`<${Chart} label="Records behind, by consumer" times=${at.map((t) => Date.parse(t))} series=${series} format=${(n: number) => count(Math.round(n))} height=${180} />` as VNode
}
