/** What readers would see of a switch, before it is made. */
import { html } from 'htm/preact'
import type { VNode } from 'preact'
import type { ListedVersion } from '../../../services/learner/list-versions.ts'
import type { PromotionPlan } from '../../../services/learner/plan-promotion.ts'
import { useAnswer } from '../../api.ts'
import { count, counted, number, outcomeText, signed } from '../../numbers.ts'
import { address, withQuery } from '../../router.ts'
import { Answer } from '../../ui/notice.ts'
import { Table } from '../../ui/table.ts'
import { visible } from '../../ui/visible.ts'
import { versionText } from './version-name.ts'

type Move = PromotionPlan['largest'][number]

interface PreviewProps {
  name: string
  /** undefined: there is none of the name, or it is not known yet. */
  version: ListedVersion | undefined
  operate: boolean
  onPromote(version: ListedVersion): void
}

export function Preview({ name, version, operate, onPromote }: PreviewProps): VNode {
  const answered = useAnswer<PromotionPlan>(address('/v1/models/preview', { name, topic: version?.topic }))
  return html`<section class="card" aria-labelledby="preview-title">
    <h2 id="preview-title">What ${version ? versionText(version) : name} would change</h2>
    <${Answer} of=${answered}>${(plan: PromotionPlan) => html`<${Plan} plan=${plan} />`}<//>
    <p class="actions">
      <a class="button" href=${withQuery({ preview: null })}>Close</a>
      <button type="button" onClick=${answered.again} disabled=${answered.asking}>Look again</button>
      ${operate && version && version.state !== 'active' && html`<button type="button" class="strong" onClick=${() => onPromote(version)}>Promote …</button>`}
    </p>
  </section>` as VNode
}

function Plan({ plan }: { plan: PromotionPlan }): VNode {
  const { from, to, lag_records, global_rr, before, after, appear, vanish, move, both, largest, outcome } = plan
  const [now, then] = [outcomeText(outcome.before ?? outcome.after), outcomeText(outcome.after)]
  const figures: [string, string][] = [
    ['appear', count(appear)],
    ['vanish', count(vanish)],
    ['move by more than 10 %', `${count(move)} of ${count(both)}`],
    ['coefficients now', count(before)],
    ['coefficients then', count(after)],
  ]
  return html`
    <p>Readers see <strong>${from ? versionText(from) : 'nothing'}</strong>; <strong>${versionText(to)}</strong> would take its place. ${behind(lag_records)}</p>
    <dl class="six">${figures.map(([name, n]) => html`<div><dt>${name}</dt><dd>${n}</dd></div>`)}</dl>
    <p>Baseline: ${now.title} ${now.value(global_rr.before.rr_short)} over ${counted(global_rr.before.n, 'trade')} now, ${then.title === now.title ? '' : `${then.title} `}${then.value(global_rr.after.rr_short)} over ${counted(global_rr.after.n, 'trade')} then.</p>
    ${largest.length > 0 && html`<h3>The largest moves of a weight</h3><${Moves} moves=${largest} />`}
  ` as unknown as VNode
}

const behind = (lag: number | null) =>
  lag === null
    ? 'The log cannot be asked how far it is, or is another one than it has learned from.'
    : lag === 0
      ? 'It has applied all of the log.'
      : html`<strong class="bad">It has not applied all of the log: ${counted(lag, 'record')} to go.</strong> Until then a promotion is refused.`

const Moves = ({ moves }: { moves: Move[] }): VNode =>
  html`<${Table} caption="The largest moves of a weight" rows=${moves} keyOf=${(m: Move) => `${m.scope} ${m.name} ${m.key}`} columns=${[
    { name: 'name', title: 'Lever', cell: (m: Move) => html`<span class="any">${visible(m.name)}</span>` },
    { name: 'key', title: 'Value', cell: (m: Move) => html`<span class="any">${visible(m.key)}</span>` },
    { name: 'now', title: 'Weight now', numeric: true, cell: (m: Move) => number(m.before.weight) },
    { name: 'then', title: 'Then', numeric: true, cell: (m: Move) => number(m.after.weight) },
    { name: 'change', title: 'Change', numeric: true, cell: (m: Move) => `${signed(m.change * 100, 1)} %` },
    { name: 'n', title: 'n now', numeric: true, cell: (m: Move) => count(m.before.n) },
    { name: 'n-then', title: 'n then', numeric: true, cell: (m: Move) => count(m.after.n) },
  ]} />` as VNode
