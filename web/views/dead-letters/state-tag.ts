/** What became of a letter, in two words. */
import { html } from 'htm/preact'
import type { VNode } from 'preact'
import type { DeadLetter } from '../../../services/learner/dead-letter-list.ts'
import { letterLink, placeText } from './place.ts'

export function StateTag({ letter }: { letter: DeadLetter }): VNode {
  const { state, redriven_to, redrives, redriving_from } = letter
  if (state === 'redriven')
    return html`<span class="tag">redriven</span>${redriven_to && html` to <a class="mono" href=${letterLink(redriven_to)}>${placeText(redriven_to)}</a>`}` as unknown as VNode
  if (state === 'applied') return html`<span class="tag good">applied since</span>` as VNode
  if (state === 'discarded') return html`<span class="tag">discarded</span>` as VNode
  return html`<span class="tag bad">${redrives > 0 ? 'refused again' : 'open'}</span>
    ${redrives > 0 && html` <small>redriven ${redrives === 1 ? 'once' : `${redrives} times`} before</small>`}
    ${redriving_from !== null && html` <small>a redrive was interrupted</small>`}` as unknown as VNode
}
