/** The records that the learner could not apply: which, why, one in full; and publishing them again, or settling them. */
import { html } from 'htm/preact'
import type { VNode } from 'preact'
import type { ViewProps } from '../view.ts'
import { Letter } from './dead-letters/letter.ts'
import { LetterList } from './dead-letters/letter-list.ts'
import { isPlace } from './dead-letters/place.ts'

export function DeadLettersView({ address: { query }, operate }: ViewProps): VNode {
  const place = query.get('letter')
  if (place && !isPlace(place))
    return html`<h1>Dead letters</h1><p class="notice error" role="alert"><strong><span class="any">${place}</span> is no place of a record.</strong> A place is partition:offset, e.g. 3:17. <a href="/dead-letters">All dead letters</a></p>` as unknown as VNode
  return (
    place
      ? html`<${Letter} key=${place} place=${place} operate=${operate} />`
      : html`<${LetterList} query=${query} operate=${operate} />`
  ) as VNode
}
