/** What is wrong, the worst first, in a sentence with what to do; or that nothing is. */
import { html } from 'htm/preact'
import type { VNode } from 'preact'
import type { LoopState } from '../../../page/loop/state.ts'
import { counted } from '../../numbers.ts'

export function Problems({ state: { problems, learned } }: { state: LoopState }): VNode {
  if (problems.length === 0)
    return html`<div class="notice well" role="status"><strong>All is well.</strong> ${learned ? `${counted(learned.n, 'trade')} ${learned.n === 1 ? 'is' : 'are'} learned by ${learned.model}.` : 'Nothing is learned yet: close a trade.'}</div>` as VNode
  return html`<div role="status" aria-label="What is wrong">
    ${problems.map(
      ({ severity, what, todo }) =>
        html`<div class=${`notice ${severity}`}><strong>${what}</strong>${todo && html`<p>${todo}</p>`}</div>`,
    )}
  </div>` as VNode
}
