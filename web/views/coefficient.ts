/** One coefficient: what it is, how it went, the trades that made it, and behind each of them what the log has of it. */
import { html } from 'htm/preact'
import type { VNode } from 'preact'
import { useAnswer } from '../api.ts'
import { outcomeText } from '../numbers.ts'
import { address as addressOf, navigate, withQuery } from '../router.ts'
import { Failure } from '../ui/notice.ts'
import { TimeSlider } from '../ui/time-slider.ts'
import type { ViewProps } from '../view.ts'
import { CourseCharts } from './coefficient/course-charts.ts'
import { Facts } from './coefficient/facts.ts'
import { SharesTable } from './coefficient/shares-table.ts'
import { TradeBehind } from './coefficient/trade-behind.ts'
import { type Course, type Explained, type Extent, modelText, momentText, otherMoment } from './coefficients/answers.ts'

/** Trades that are drawn and listed, until all are asked for. */
const SHOWN = 500
const POINTS = 600

export function CoefficientView({ address: { query } }: ViewProps): VNode {
  const moment = Object.fromEntries(['model', 'as_of', 'at_time', 'at_offset'].map((n) => [n, query.get(n)]))
  const target = { name: query.get('name') ?? 'baseline', key: query.get('key'), ...moment }
  const extent = useAnswer<Extent>(addressOf('/v1/extent', { model: moment.model }))
  const explained = useAnswer<Explained>(addressOf('/v1/explain', { ...target, limit: query.has('all') ? 0 : SHOWN }))
  const course = useAnswer<Course>(addressOf('/v1/history', { ...target, points: POINTS }))
  const { value: found, error } = explained
  const chosen = found?.trades.find((trade) => trade.event_id === query.get('trade'))
  const choose = (event_id: string | null) => navigate(withQuery({ trade: event_id }), true)
  const outcome = outcomeText(found?.model.outcome)
  const back = addressOf('/coefficients', moment)
  return html`
    <p><a href=${back}>All coefficients</a></p>
    <h1>${target.key === null ? html`<span class="any">${target.name}</span>` : html`<span class="quiet">${target.name}</span> <span class="any">${target.key}</span>`}</h1>
    ${found && html`<p class="quiet any">${modelText(found.model)}, ${momentText(found)}</p>`}
    <section class="card" aria-label="Moment">
      ${
        !extent.error &&
        html`<${TimeSlider} span=${extent.value?.exits} at=${moment.as_of} other=${otherMoment(query)}
        choose=${(as_of: string | null, replace: boolean) => navigate(withQuery({ as_of, at_time: null, at_offset: null }), replace)} />`
      }
    </section>
    ${error && html`<${Failure} error=${error} />`}
    ${
      !error &&
      (found
        ? html`<div aria-busy=${explained.asking ? 'true' : 'false'}>
            <${Facts} found=${found} outcome=${outcome} />
            <div class="card"><h2>How it went</h2>
              ${course.error ? html`<${Failure} error=${course.error} />` : course.value && html`<${CourseCharts} course=${course.value} trades=${found.trades} outcome=${outcome} choose=${choose} />`}
            </div>
            ${chosen && html`<${TradeBehind} trade=${chosen} outcome=${outcome} close=${() => choose(null)} />`}
            <${SharesTable} found=${found} outcome=${outcome} chosen=${chosen?.event_id} />
          </div>`
        : html`<p class="quiet" role="status">Reading the log …</p>`)
    }
  ` as unknown as VNode
}
