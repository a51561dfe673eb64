/** The loop: what is wrong, the way of a trade with live numbers, whether anything is lost, and the newest trades. */
import { html } from 'htm/preact'
import type { VNode } from 'preact'
import type { LoopState } from '../../page/loop/state.ts'
import { useLive } from '../live.ts'
import { Failure } from '../ui/notice.ts'
import { AuditCard } from './loop/audit-card.ts'
import { LagChart } from './loop/lag-chart.ts'
import { NewestTrades } from './loop/newest-trades.ts'
import { Partitions } from './loop/partitions.ts'
import { Problems } from './loop/problems.ts'
import { Way } from './loop/way.ts'

export function LoopView(): VNode {
  const { value: state, error } = useLive<LoopState>('/v1/live', 'loop')
  if (!state)
    return (
      error ? html`<${Failure} error=${error} />` : html`<p class="quiet" role="status">Looking at the loop …</p>`
    ) as VNode
  return html`
    <h1>The loop</h1>
    ${error && html`<${Failure} error=${error} />`}
    <${Problems} state=${state} />
    <${Way} state=${state} />
    <div class="cards">
      <${NewestTrades} state=${state} />
      <div class="card"><h2>Nothing lost</h2><${AuditCard} audit=${state.audit} /></div>
    </div>
    <${Partitions} state=${state} />
    <div class="card"><h2>Behind the log</h2><${LagChart} /></div>
  ` as unknown as VNode
}
