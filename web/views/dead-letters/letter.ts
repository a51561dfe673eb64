/** One letter in full: why, what became of it, and its record. */
import { html } from 'htm/preact'
import type { VNode } from 'preact'
import type { DeadLetterJson } from '../../../services/learner/dead-letter-json.ts'
import { time } from '../../numbers.ts'
import { withQuery } from '../../router.ts'
import { Answer } from '../../ui/notice.ts'
import { ReadOnly } from '../../ui/read-only.ts'
import { usePolled } from '../../ui/use-polled.ts'
import { visible } from '../../ui/visible.ts'
import { LetterActions } from './letter-actions.ts'
import { LetterHistory } from './letter-history.ts'
import { LetterRecord } from './letter-record.ts'
import { placeText } from './place.ts'
import { StateTag } from './state-tag.ts'

export function Letter({ place, operate }: { place: string; operate: boolean }): VNode {
  const answered = usePolled<DeadLetterJson>(`/v1/dead-letters/${place.split(':').map(encodeURIComponent).join('/')}`)
  return html`
    <p><a href=${withQuery({ letter: null })}>← All dead letters</a></p>
    <h1>Dead letter <span class="mono any">${place}</span></h1>
    <${Answer} of=${answered}>${(letter: DeadLetterJson) => html`
      ${
        operate
          ? html`<${LetterActions} selection=${{ places: [placeText(letter)] }} n=${1} total=${null} letters=${[letter]} onDone=${answered.again} />`
          : html`<${ReadOnly} what="redrive or discard it" />`
      }
      <div class="card"><h2>Why</h2><${Why} of=${letter} /></div>
      <div class="card"><h2>Its record</h2><${LetterRecord} of=${letter} /></div>
    `}<//>
  ` as unknown as VNode
}

function Why({ of: letter }: { of: DeadLetterJson }): VNode {
  const { reason, detail, what, todo, topic, partition, offset, refusals, dead_letter, discarded } = letter
  return html`<dl class="facts">
    <dt>Refused for</dt><dd><strong class="any">${reason}</strong>: <span class="any">${visible(detail)}</span></dd>
    <dt>Which means</dt><dd>${what}</dd>
    ${letter.state === 'open' && html`<dt>What to do</dt><dd>${todo}</dd>`}
    <dt>State</dt><dd><${StateTag} letter=${letter} />${discarded && html` ${time(discarded.at)} UTC by <span class="any">${visible(discarded.by)}</span>: <span class="any">${visible(discarded.reason)}</span>`}</dd>
    <dt>Record</dt><dd>partition ${partition}, offset ${offset} of <span class="any">${topic}</span></dd>
    ${refusals.map((r) => html`<dt>Refused</dt><dd>${time(r.recorded_at)} UTC by <span class="any">${r.consumer}</span>${r.applied_at && `; applied ${time(r.applied_at)} UTC, by a replay`}</dd>`)}
    <dt>Copy</dt><dd>${dead_letter ? html`<span class="mono">${placeText(dead_letter)}</span> of <span class="any">${dead_letter.topic}</span>` : 'none'}</dd>
    <${LetterHistory} of=${letter} />
  </dl>` as VNode
}
