/** The size in a sentence, its waterfall, and what the entry did not say or said in vain. */
import { html } from 'htm/preact'
import type { VNode } from 'preact'
import type { Decision } from '../../../services/decision/decide.ts'
import { counted, number, outcomeText, percent, plain } from '../../numbers.ts'
import type { Of } from './factor-name.ts'
import { strongest } from './steps.ts'
import { Waterfall } from './waterfall.ts'

export function SizingAnswer({ decision, of, open }: { decision: Decision; of: Of; open: string | null }): VNode {
  return html`
    <section class="card" aria-labelledby="the-size">
      <h2 id="the-size">The size, and why</h2>
      <${Sentence} decision=${decision} />
      <${Waterfall} decision=${decision} of=${of} open=${open} />
      <${Passed} decision=${decision} />
    </section>
    ${decision.timeframes.some((t) => t.allocation !== null) && html`<${Split} decision=${decision} />`}
  ` as unknown as VNode
}

function Sentence({ decision }: { decision: Decision }): VNode {
  const { base, multiplier, allocation, bounded_by, min, max, factors, model, active, global_rr, outcome } = decision
  const { title, value } = outcomeText(outcome)
  const bound =
    bounded_by === 'max'
      ? `, and no more than ${plain(max)} is allowed`
      : bounded_by === 'min'
        ? `, and no less than ${plain(min)} is allowed`
        : ''
  const most = strongest(factors)
  return html`
    <p class="size" role="status"><strong>${plain(allocation)}</strong> <span>= base ${plain(base)} × ${number(multiplier)}${bounded_by ? ` = ${plain(base * multiplier)}` : ''}${bound}.</span></p>
    <p>${
      most.length === 0
        ? 'Nothing that is learned of this entry moves its size.'
        : html`What moves it most: ${most.map(
            ({ scope, name, key, adjusted_weight, n }, i) =>
              html`${i > 0 ? ', ' : ''}<span class="any">${scope === 'market' ? 'how all trades go lately' : scope === 'interaction' ? `${name}, all of it together,` : `${name} ${key}`}</span> × ${number(adjusted_weight, 2)} (${counted(n, 'trade')})`,
          )}.`
    }</p>
    <p class="quiet">${
      model === null
        ? 'No model has learned anything yet.'
        : html`By <span class="any">${model}</span>${active ? ', the active model' : ', which is not the active model'}: ${counted(global_rr.n, 'trade')}, mean ${title} ${value(global_rr.rr_short)} over the last weeks, ${value(global_rr.rr_long)} over months. 1 is the average trade.`
    }</p>` as unknown as VNode
}

/** In words: what changed nothing, and why. */
function Passed({ decision }: { decision: Decision }): VNode {
  const { unset_levers, ignored, warnings, levers_damped, multiplier, multiplier_unclamped } = decision
  return html`
    ${levers_damped && html`<p>The interaction speaks for itself, so a fifth of what each lever says is taken back: part of it would be said twice.</p>`}
    ${multiplier !== multiplier_unclamped && html`<p>All factors come to × ${number(multiplier_unclamped)}; the model bounds that to × ${number(multiplier)}.</p>`}
    ${unset_levers.length > 0 && html`<p>The entry says nothing of <span class="any">${unset_levers.join(', ')}</span>: ${unset_levers.length === 1 ? 'it counts' : 'they count'} as × 1.</p>`}
    ${
      ignored.length > 0 &&
      html`<div class="notice warning"><strong>${ignored.length === 1 ? 'One field changes' : `${ignored.length} fields change`} nothing.</strong>
        <ul>${warnings.map((warning) => html`<li class="any">${warning}</li>`)}</ul></div>`
    }
  ` as unknown as VNode
}

/** Without a timeframe the size is split. */
function Split({ decision: { timeframes, outcome } }: { decision: Decision }): VNode {
  const { title, value } = outcomeText(outcome)
  return html`<section class="card">
    <h2>Split over timeframes</h2>
    <div class="table" tabindex="0" role="region" aria-label="The size, split over timeframes"><table>
      <caption class="unseen">The size, split over timeframes by what is learned of each</caption>
      <thead><tr><th scope="col">Timeframe</th><th scope="col" class="numeric">Size</th><th scope="col" class="numeric">Share</th><th scope="col" class="numeric">Weight</th><th scope="col" class="numeric">Mean ${title}</th><th scope="col" class="numeric">Trades</th></tr></thead>
      <tbody>${timeframes.map(
        (t) => html`<tr key=${t.timeframe}>
          <th scope="row">${t.timeframe}</th>
          <td class="numeric">${plain(t.allocation)}</td>
          <td class="numeric">${percent(t.share)}</td>
          <td class="numeric">${number(t.weight)}</td>
          <td class="numeric">${value(t.rr_short)}</td>
          <td class="numeric">${t.n}</td>
        </tr>`,
      )}</tbody>
    </table></div>
  </section>` as VNode
}
