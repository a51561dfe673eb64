/** What the answer rests on, in one table, and what each number means. */
import { html } from 'htm/preact'
import type { VNode } from 'preact'
import type { ModelVerdict } from '../../../domain/verdict/verdict.ts'
import { count, number, percent } from '../../numbers.ts'
import { amountText, intervalText } from './amount.ts'

interface Figure {
  title: string
  value(model: ModelVerdict): string
  meaning: string
}

const FIGURES: Figure[] = [
  { title: 'Trades', value: (m) => count(m.trades), meaning: 'Those that have what the model learns.' },
  {
    title: 'Net return beyond',
    value: (m) => intervalText(m.net, 'net_return'),
    meaning:
      'What each unit staked brought in money beyond equal sizes, after fees where the trades say them. In brackets where it lies in 95 of 100 draws of whole days: if that reaches below 0, the gain may be a few lucky days.',
  },
  {
    title: 'Outcome beyond',
    value: (m) => intervalText(m.outcome, m.learns),
    meaning:
      'The same in what the model learns. R/R is no money: both must lie above 0 for “better”, both below for “worse”.',
  },
  {
    title: 'p',
    value: (m) => number(m.p),
    meaning: 'How often it looks as good by luck: outcomes dealt to other trades, 499 times.',
  },
  {
    title: 'p, adjusted',
    value: (m) => number(m.p_adjusted),
    meaning:
      'The same for every model that was ever tried on this log: whoever tries many finds one that looks good. Below 0.05 is needed.',
  },
  {
    title: 'Effective bets',
    value: (m) => percent(m.kish),
    meaning:
      'How much of the money’s spread over trades is left: 100 % at equal sizes, 10 % where a tenth of the trades holds all of it.',
  },
  {
    title: 'Largest size',
    value: (m) => (m.largest === null ? '–' : `× ${number(m.largest, 1)}`),
    meaning: 'The largest multiplier that was given.',
  },
  {
    title: 'Rank',
    value: (m) => number(m.spearman),
    meaning: 'Whether larger sizes had larger outcomes: 1, always; 0, no connection; below 0, the other way round.',
  },
  {
    title: 'Could show',
    value: (m) => amountText(m.learns)(m.detectable),
    meaning: 'The smallest gain in the outcome that this many trades can show at all. Below it a log says nothing.',
  },
  {
    title: 'Trades needed',
    value: (m) => (m.trades_needed === null ? '–' : count(m.trades_needed)),
    meaning: 'How many trades like these it would take to show the gain that was found; –: none was found.',
  },
]

export function Figures({ models }: { models: ModelVerdict[] }): VNode {
  return html`<section class="card">
    <h2>The figures</h2>
    <div class="table figures-of" tabindex="0" role="region" aria-label="The figures of each model"><table>
      <caption class="unseen">The figures of each model</caption>
      <thead><tr><th scope="col">Figure</th>${models.map((m) => html`<th scope="col" class="numeric"><span class="any">${m.name}</span></th>`)}</tr></thead>
      <tbody>
        <tr><th scope="row">Verdict<small>Against equal sizes.</small></th>${models.map((m) => html`<td class="numeric">${m.verdict}</td>`)}</tr>
        ${FIGURES.map(
          ({ title, value, meaning }) => html`<tr key=${title}>
            <th scope="row">${title}<small>${meaning}</small></th>
            ${models.map((m) => html`<td class="numeric">${value(m)}</td>`)}
          </tr>`,
        )}
      </tbody>
    </table></div>
  </section>` as VNode
}
