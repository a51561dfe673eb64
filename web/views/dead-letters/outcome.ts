/** What was done to letters, and what became of those that were published again. */
import { html } from 'htm/preact'
import type { VNode } from 'preact'
import type { DeadLetterJson } from '../../../services/learner/dead-letter-json.ts'
import type { Redriven } from '../../../services/learner/redrive.ts'
import type { RedriveAnswer } from '../../../services/learner/redrive-chosen.ts'
import { counted } from '../../numbers.ts'
import { usePolled } from '../../ui/use-polled.ts'
import type { DiscardAnswer } from './discard-dialog.ts'
import { letterLink, placeText } from './place.ts'
import type { ReopenAnswer } from './reopen-dialog.ts'
import { Skipped } from './skipped.ts'

export type Outcome = RedriveAnswer | DiscardAnswer | ReopenAnswer

/** Records whose fate is asked after. */
const FOLLOWED = 20

export function OutcomeNotice({ of, onClose }: { of: Outcome; onClose(): void }): VNode {
  return html`<div class="notice well" role="status">
    <strong>${sentence(of)}</strong>
    ${'redriven' in of && html`<ul>${of.redriven.slice(0, FOLLOWED).map((r) => html`<${Fate} key=${placeText(r)} of=${r} />`)}</ul>`}
    <${Skipped} skipped=${of.skipped} />
    <p><button type="button" onClick=${onClose}>Close</button></p>
  </div>` as VNode
}

function sentence(of: Outcome): string {
  if ('redriven' in of) return `${counted(of.redriven.length, 'record')} redriven.`
  if ('discarded' in of) return `${counted(of.discarded.length, 'letter')} discarded.`
  return `${counted(of.reopened.length, 'letter')} open again.`
}

/** Asked after until the learner has come to the copy. */
function Fate({ of: { to, published, ...at } }: { of: Redriven }): VNode {
  const { value } = usePolled<DeadLetterJson>(`/v1/dead-letters/${at.partition}/${at.offset}`)
  const again = value?.history.find((l) => l.partition === to.partition && l.offset === to.offset)
  const taken = value?.copies.some((c) => c.offset === to.offset && c.taken)
  return html`<li><span class="mono">${placeText(at)}</span> is published ${published ? 'again' : 'already, by a redrive that was interrupted'}, as <span class="mono">${placeText(to)}</span>: ${
    again
      ? html`<strong class="bad">it is refused again</strong> (<a href=${letterLink(to)}>${again.reason}</a>).`
      : taken
        ? html`<strong class="good">the learner has taken it.</strong>`
        : 'the learner has not come to it yet …'
  }</li>` as VNode
}
