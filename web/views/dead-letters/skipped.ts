/** Letters that are left as they are, by why. */
import { html } from 'htm/preact'
import type { VNode } from 'preact'
import type { LeftLetter } from '../../../services/learner/redrive.ts'
import { counted } from '../../numbers.ts'
import { visible } from '../../ui/visible.ts'
import { placeText } from './place.ts'

const NAMED = 5

export function Skipped({ skipped }: { skipped: LeftLetter[] }): VNode | null {
  if (skipped.length === 0) return null
  const reasons = [...Map.groupBy(skipped, (l) => l.why)]
  return html`<div><p>${counted(skipped.length, 'letter')} ${skipped.length === 1 ? 'is' : 'are'} left as ${skipped.length === 1 ? 'it is' : 'they are'}:</p>
    <ul>${reasons.map(
      ([why, of]) =>
        html`<li><span class="mono">${of.slice(0, NAMED).map(placeText).join(', ')}${of.length > NAMED ? ` and ${of.length - NAMED} more` : ''}</span>: <span class="any">${visible(why)}</span></li>`,
    )}</ul></div>` as VNode
}
