/** The letters of one record: itself, what it is a copy of, and its copies. */
import { html } from 'htm/preact'
import type { VNode } from 'preact'
import type { DeadLetterJson } from '../../../services/learner/dead-letter-json.ts'
import { time } from '../../numbers.ts'
import { letterLink, placeText } from './place.ts'
import { StateTag } from './state-tag.ts'

export function LetterHistory({ of: { history, copies, offset } }: { of: DeadLetterJson }): VNode | null {
  if (history.length === 1 && copies.length === 0) return null
  return html`<dt>History</dt><dd><ol class="history">
    ${history.map(
      (l) => html`<li key=${l.offset}>
        ${l.offset === offset ? html`<strong class="mono">${placeText(l)}</strong> (this one)` : html`<a class="mono" href=${letterLink(l)}>${placeText(l)}</a>`}:
        refused ${time(l.recorded_at)} UTC for <span class="any">${l.reason}</span>${l.redrive_of && `, a copy of ${placeText(l.redrive_of)}`};
        ${' '}<${StateTag} letter=${l} />
      </li>`,
    )}
    ${copies.map((c) => html`<li key=${c.offset}><span class="mono">${placeText(c)}</span>: ${c.taken ? html`<strong class="good">taken by the learner</strong>` : 'the learner has not come to it yet'}</li>`)}
  </ol></dd>` as unknown as VNode
}
