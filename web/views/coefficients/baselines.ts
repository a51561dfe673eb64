/** What all is weighed against, of each side of a comparison, and by which model. */
import { html } from 'htm/preact'
import type { VNode } from 'preact'
import { counted, outcomeText } from '../../numbers.ts'
import { address } from '../../router.ts'
import { type CoefficientsAnswer, type Head, modelText, momentQuery, momentText } from './answers.ts'

export function Baselines({ answer, total }: { answer: CoefficientsAnswer; total: number }): VNode {
  return html`<div class="baselines" role="status">
    <${Baseline} head=${answer} />
    ${answer.against && html`<span class="quiet">against</span> <${Baseline} head=${answer.against} />`}
    <span class="quiet">${counted(total, 'coefficient')}</span>
  </div>` as VNode
}

function Baseline({ head }: { head: Head }): VNode {
  const { model, global_rr } = head
  if (!model) return html`<span>Nothing is learned.</span>` as VNode
  const outcome = outcomeText(model.outcome)
  const link = address('/coefficient', {
    name: 'baseline',
    model: model.active ? null : `${model.hash.slice(0, 12)}.r${model.build}`,
    ...momentQuery(head),
  })
  return html`<span class="baseline">
    <a href=${link}>Baseline</a>, ${momentText(head)}: ${outcome.title}${' '}
    <strong>${outcome.value(global_rr.rr_short)}</strong> of late (τ 14 d),${' '}
    <strong>${outcome.value(global_rr.rr_long)}</strong> over months (τ 90 d),${' '}
    <strong>${counted(global_rr.n, 'trade')}</strong>${' '}
    <small class="quiet any">${modelText(model)}</small>
  </span>` as VNode
}
