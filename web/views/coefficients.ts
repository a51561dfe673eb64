/** What is learned: the baseline, and each coefficient as a bar around 1; at any moment, and beside another moment or model. */
import { html } from 'htm/preact'
import type { VNode } from 'preact'
import { useAnswer } from '../api.ts'
import { address as addressOf, navigate, withQuery } from '../router.ts'
import { Empty, Failure } from '../ui/notice.ts'
import { usePages } from '../ui/pages.ts'
import { TimeSlider } from '../ui/time-slider.ts'
import type { ViewProps } from '../view.ts'
import { type Coefficient, type CoefficientsAnswer, type Extent, otherMoment } from './coefficients/answers.ts'
import { Baselines } from './coefficients/baselines.ts'
import { CoefficientTable } from './coefficients/coefficient-table.ts'
import { Comparison } from './coefficients/comparison.ts'
import { Filters } from './coefficients/filters.ts'

/** What is learned now moves while one looks at it. */
const LIVE_MS = 5_000
const ASKED = [
  'model',
  'as_of',
  'at_time',
  'at_offset',
  'name',
  'min_n',
  'search',
  'sort',
  'order',
  'against_model',
  'against_as_of',
]
const rowsOf = (answer: CoefficientsAnswer) => answer.coefficients

export function CoefficientsView({ address: { query } }: ViewProps): VNode {
  const model = query.get('model')
  const extent = useAnswer<Extent>(addressOf('/v1/extent', { model }))
  const scope = query.get('scope') ?? 'lever'
  const asked = Object.fromEntries(ASKED.map((name) => [name, query.get(name)]))
  const isNow = !query.has('as_of') && !query.has('at_time') && !query.has('at_offset')
  const question = addressOf('/v1/coefficients', { ...asked, scope: scope === 'all' ? null : scope })
  const pages = usePages<CoefficientsAnswer, Coefficient>(question, rowsOf, isNow ? LIVE_MS : 0)
  const { first, error, asking } = pages
  return html`
    <h1>Coefficients</h1>
    <section class="card" aria-label="Moment">
      ${
        extent.error
          ? first && html`<p class="quiet">Past moments cannot be looked at: ${extent.error.message}</p>`
          : html`<${TimeSlider} span=${extent.value?.exits} at=${query.get('as_of')} other=${otherMoment(query)}
              choose=${(as_of: string | null, replace: boolean) => navigate(withQuery({ as_of, at_time: null, at_offset: null }), replace)} />`
      }
      <${Comparison} query=${query} extent=${extent.value} />
    </section>
    <${Filters} query=${query} extent=${extent.value} scope=${scope} />
    ${error && html`<${Failure} error=${error} />`}
    <div aria-busy=${asking ? 'true' : 'false'}>
      ${
        first === undefined
          ? !error && html`<p class="quiet" role="status">Asking …</p>`
          : first.model === null || first.global_rr.n === 0
            ? html`<${Empty}><strong>Nothing is learned ${isNow ? 'yet' : 'as of then'}.</strong> <p>${
                isNow
                  ? 'Close a trade, import some, or run ./strandline demo.'
                  : 'No trade was closed by then: choose a later moment.'
              }</p><//>`
            : html`<${Baselines} answer=${first} total=${pages.total} />
                <${CoefficientTable} answer=${first} pages=${pages} query=${query} />`
      }
    </div>
  ` as unknown as VNode
}
