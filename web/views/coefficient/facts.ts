/** What a coefficient is at this moment. */
import { html } from 'htm/preact'
import type { VNode } from 'preact'
import { counted, number, type OutcomeText, percent, signed } from '../../numbers.ts'
import type { Explained } from '../coefficients/answers.ts'

export function Facts({ found, outcome }: { found: Explained; outcome: OutcomeText }): VNode {
  const { weight, rr_short, rr_long, n, edge, trust, error } = found.coefficient
  const isBaseline = found.target.scope === 'global'
  const plus = signed(edge).startsWith('+') ? '+' : ''
  const facts: [string, string][] = [
    ...(isBaseline ? [] : ([['Weight', number(weight)]] as [string, string][])),
    [`${outcome.title} of late (τ 14 d)`, outcome.value(rr_short)],
    [`${outcome.title} over months (τ 90 d)`, outcome.value(rr_long)],
    ['Behind it', counted(n, 'trade')],
    ...(isBaseline
      ? []
      : ([
          [
            'Edge over the baseline',
            `${plus}${outcome.value(edge)}${error === null ? '' : ` ± ${outcome.value(error)}`}`,
          ],
          ['Believed', percent(trust)],
        ] as [string, string][])),
  ]
  return html`<div class="card"><h2>What it is</h2><dl class="figures">${facts.map(([name, text]) => html`<div key=${name}><dt>${name}</dt><dd>${text}</dd></div>`)}</dl></div>` as VNode
}
