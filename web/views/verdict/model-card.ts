/** One model against equal sizes: its curve in money and in what it learns, and whether its sizes stood for what came of them. */
import { html } from 'htm/preact'
import type { VNode } from 'preact'
import type { CurvePoint, ModelVerdict } from '../../../domain/verdict/verdict.ts'
import { counted } from '../../numbers.ts'
import { Chart } from '../../ui/chart.ts'
import { amountText, titleOf } from './amount.ts'
import { Calibration } from './calibration.ts'

const TONES: Record<ModelVerdict['verdict'], string> = { better: 'good', worse: 'bad', 'cannot tell': '' }

export function ModelCard({ model, colour }: { model: ModelVerdict; colour: string }): VNode {
  const { name, learns, trades, verdict, curve, calibration } = model
  const isMoney = learns === 'return' || learns === 'net_return'
  return html`<section class="card" aria-labelledby=${`model-${model.hash}`}>
    <h2 id=${`model-${model.hash}`}><span class="any">${name}</span> <span class=${`tag ${TONES[verdict]}`}>${verdict}</span></h2>
    <p class="quiet">It learns ${titleOf(learns)}, of ${counted(trades, 'trade')}.</p>
    ${
      curve.length === 0
        ? html`<p>No two trades have its outcome: nothing can be drawn.</p>`
        : html`<div class="cards">
            <div><${Curve} name=${name} curve=${curve} of="net" learns="net_return" colour=${colour} title="Net return of each unit staked" /></div>
            ${!isMoney && html`<div><${Curve} name=${name} curve=${curve} of="outcome" learns=${learns} colour=${colour} title=${`${titleOf(learns)} of each unit staked`} /></div>`}
            <div><${Calibration} name=${name} learns=${learns} buckets=${calibration} /></div>
          </div>`
    }
  </section>` as VNode
}

interface CurveProps {
  name: string
  curve: CurvePoint[]
  of: 'net' | 'outcome'
  learns: string
  colour: string
  title: string
}

function Curve({ name, curve, of, learns, colour, title }: CurveProps): VNode {
  const format = amountText(learns)
  const points = curve.flatMap((p) => (p[of] ? [{ at: Date.parse(p.at), ...p[of] }] : []))
  const last = points.at(-1)
  if (!last) return html`<h3>${title}</h3><p>No trade says what it brought in money.</p>` as unknown as VNode
  const series = [
    { label: '95 %: to', colour, values: points.map((p) => p.high), edge: true, band: true },
    { label: '95 %: from', colour, values: points.map((p) => p.low), edge: true },
    { label: 'equal sizes', colour: '--line-6', values: points.map((p) => p.equal), dash: [5, 4] },
    { label: name, colour, values: points.map((p) => p.sized) },
  ]
  const words = `${title}, in the order of exits: at equal sizes it comes to ${format(last.equal)}, by the sizes of ${name} to ${format(last.sized)}, in 95 of 100 draws of days from ${format(last.low)} to ${format(last.high)}.`
  return html`
    <h3>${title}</h3>
    <${Chart} label=${words} times=${points.map((p) => p.at)} series=${series} format=${format} height=${230} />
    <p class="quiet">${words}</p>` as unknown as VNode
}
