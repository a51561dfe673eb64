/** The way of a trade from close to coefficient, as one picture with live numbers. */
import { html } from 'htm/preact'
import type { VNode } from 'preact'
import type { ConsumerLag } from '../../../core/lag/lag.ts'
import type { LoopState } from '../../../page/loop/state.ts'
import { count, counted, duration } from '../../numbers.ts'

export function Way({ state }: { state: LoopState }): VNode {
  const { outbox, log, consumers, latency, learned, dead_letters, topic } = state
  const projector = consumers.find((c) => c.consumer === 'projector')
  const learners = consumers.filter((c) => c.consumer !== 'projector')
  const active = learners.find((c) => c.active)
  const others = learners.filter((c) => !c.active)
  return html`<section class="way card" aria-label="The way of a trade">
    <${Stop} name="Outbox" number=${outbox === null ? '–' : count(outbox)} what=${outbox === 1 ? 'closed trade waits' : 'closed trades wait'} bad=${(outbox ?? 0) > 100} />
    <${Arrow} />
    <${Stop} name="Log" number=${log ? count(log.records) : '–'} what=${log ? `records in ${counted(log.partitions, 'partition')}` : 'records'} note=${topic} />
    <${Arrow} />
    <div class="branches">
      <div class="branch">
        <${Consumer} name="Learner" of=${active} />
        <${Arrow} />
        <${Stop} name="Coefficients" number=${learned ? count(learned.n) : '–'} what="trades learned" note=${learned?.model} link="/coefficients" />
      </div>
      <div class="branch">
        <${Consumer} name="Projector" of=${projector} />
        <${Arrow} />
        <${Stop} name="ad_strands" number="" what="for older readers" />
      </div>
    </div>
    <dl class="figures">
      <div><dt>Close → coefficient, p50</dt><dd>${latency ? duration(latency.p50) : '–'}</dd></div>
      <div><dt>p99</dt><dd>${latency ? duration(latency.p99) : '–'}</dd></div>
      <div><dt>Commits seen</dt><dd>${latency ? `${count(latency.samples)} in the last hour` : 'none yet'}</dd></div>
      <div><dt>Dead letters</dt><dd><a class=${dead_letters > 0 ? 'bad' : undefined} href="/dead-letters">${counted(dead_letters, 'open one')}</a></dd></div>
      ${others.map((c) => html`<div key=${c.consumer}><dt class="any">${c.consumer}</dt><dd>${counted(c.lag_records, 'record')} behind</dd></div>`)}
    </dl>
  </section>` as VNode
}

interface StopProps {
  name: string
  number: string
  what: string
  note?: string
  bad?: boolean
  link?: string
}

function Stop({ name, number, what, note, bad, link }: StopProps): VNode {
  return html`<div class=${`stop${bad ? ' bad' : ''}`}>
    <span class="name">${link ? html`<a href=${link}>${name}</a>` : name}</span>
    <strong>${number}</strong> <span>${what}</span>
    ${note && html`<small class="any">${note}</small>`}
  </div>` as VNode
}

const Arrow = (): VNode => html`<span class="arrow" aria-hidden="true">→</span>` as VNode

function Consumer({ name, of }: { name: string; of: ConsumerLag | undefined }): VNode {
  if (!of) return html`<${Stop} name=${name} number="–" what="has not read yet" bad />` as VNode
  const held = of.partitions.filter((p) => p.member !== null).length
  const late =
    of.lag_records > 0 && of.lag_seconds !== null ? `, the oldest for ${duration(of.lag_seconds * 1_000)}` : ''
  return html`<${Stop} name=${name} number=${count(of.lag_records)} what=${`${of.lag_records === 1 ? 'record' : 'records'} behind${late}`} note=${`${held} of ${counted(of.partitions.length, 'partition')} held`} bad=${held < of.partitions.length} />` as VNode
}
