/** From the base to the size: each factor’s multiplication as a bar, then what bounded it. */
import { html } from 'htm/preact'
import type { VNode } from 'preact'
import type { Factor } from '../../../domain/sizing/allocation.ts'
import type { Decision } from '../../../services/decision/decide.ts'
import { count, number, outcomeText, percent, plain } from '../../numbers.ts'
import { navigate, withQuery } from '../../router.ts'
import { FactorName, type Of } from './factor-name.ts'
import { type Scale, type Step, scaleOf, stepsOf } from './steps.ts'
import { TradesBehind } from './trades-behind.ts'

const COLUMNS = 7

export function Waterfall({ decision, of, open }: { decision: Decision; of: Of; open: string | null }): VNode {
  const steps = stepsOf(decision)
  const scale = scaleOf(steps)
  return html`<div class="table waterfall"><table>
    <caption class="unseen">From the base to the size, factor by factor</caption>
    <thead><tr>
      <th scope="col">Factor</th>
      <th scope="col" class="numeric">Multiplies by</th>
      <th scope="col" class="numeric">Size after it</th>
      <th scope="col" class="numeric">Trades</th>
      <th scope="col" class="numeric" title="How far its trades are believed">Trust</th>
      <th scope="col" class="numeric">Edge ± error</th>
      <th scope="col">Lately</th>
    </tr></thead>
    <tbody>
      <tr><th scope="row">Base<${Bar} scale=${scale} /></th><td></td><td class="numeric">${plain(decision.base)}</td>${blank(4)}</tr>
      ${steps.map((step) =>
        step.factor
          ? html`<${FactorRow} key=${idOf(step.factor)} step=${step} scale=${scale} decision=${decision} of=${of} open=${open === idOf(step.factor)} />`
          : html`<${BoundRow} step=${step} scale=${scale} decision=${decision} />`,
      )}
    </tbody>
    <tfoot><tr><th scope="row">Size</th><td class="numeric">× ${number(decision.base > 0 ? decision.allocation / decision.base : decision.multiplier)}</td><td class="numeric"><strong>${plain(decision.allocation)}</strong></td>${blank(4)}</tr></tfoot>
  </table></div>` as VNode
}

const blank = (n: number) => html`<td colspan=${n}></td>`
const idOf = ({ scope, name, key }: Factor) => JSON.stringify([scope, name, key])

interface FactorRowProps {
  step: Step
  scale: Scale
  decision: Decision
  of: Of
  open: boolean
}

function FactorRow({ step, scale, decision, of, open }: FactorRowProps): VNode {
  const factor = step.factor as Factor
  const { known, weight, adjusted_weight, n, trust, edge, error, temperature } = factor
  const { value, title } = outcomeText(decision.outcome)
  const toggle = () => navigate(withQuery({ open: open ? null : idOf(factor) }), true)
  return html`
    <tr class=${known ? undefined : 'unknown'}>
      <th scope="row"><${FactorName} factor=${factor} of=${of} n=${n} /><${Bar} scale=${scale} step=${step} /></th>
      <td class="numeric">× ${number(adjusted_weight)}${weight !== adjusted_weight && html`<small>learned: × ${number(weight)}</small>`}</td>
      <td class="numeric">${plain(step.size)}</td>
      <td class="numeric">${known ? html`<button type="button" class="plain" aria-expanded=${open ? 'true' : 'false'} aria-label=${`${count(n)} ${n === 1 ? 'trade' : 'trades'} of ${factor.name} ${factor.key}`} onClick=${toggle}>${count(n)}</button>` : '0'}</td>
      <td class="numeric">${known ? percent(trust) : '–'}</td>
      <td class="numeric" title=${known ? `${title}, beyond all trades` : undefined}>${known ? `${edge > 0 ? '+' : ''}${value(edge)}` : '–'}${error !== null && ` ± ${value(error)}`}</td>
      <td><span class=${`tag ${temperature === 'hot' || temperature === 'cold' ? temperature : ''}`}>${known ? temperature : 'nothing learned'}</span></td>
    </tr>
    ${open && known && html`<tr><td colspan=${COLUMNS}><${TradesBehind} factor=${factor} of=${of} n=${n} outcome=${decision.outcome} /></td></tr>`}
  ` as unknown as VNode
}

function BoundRow({ step, scale, decision }: { step: Step; scale: Scale; decision: Decision }): VNode {
  const { bound, times, size } = step
  const name =
    bound === 'model'
      ? `What ${decision.model} allows: × ${number(decision.multiplier)} in all`
      : bound === 'max'
        ? `The most that is allowed: ${plain(decision.max)}`
        : `The least that is allowed: ${plain(decision.min)}`
  return html`<tr class="bound">
    <th scope="row">${name}<${Bar} scale=${scale} step=${step} /></th>
    <td class="numeric">${Number.isFinite(times) && times !== 1 ? `× ${number(times)}` : ''}</td>
    <td class="numeric">${plain(size)}</td>
    ${blank(4)}
  </tr>` as VNode
}

/** Left of where it begins: it takes away; right: it adds. */
function Bar({ scale, step }: { scale: Scale; step?: Step }): VNode {
  const kind =
    !step || step.factor?.known === false ? '' : step.factor === null ? 'cut' : step.to >= step.from ? 'up' : 'down'
  const { left, width } = step ? scale.span(step) : { left: scale.base, width: 0 }
  return html`<span class="fall" aria-hidden="true">
    <span class="base" style=${{ left: `${scale.base}%` }}></span>
    <span class=${`bar ${kind}`} style=${{ left: `${left}%`, width: `max(3px, ${width}%)` }}></span>
  </span>` as VNode
}
