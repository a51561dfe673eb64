/** The records that the learner could not apply: which, why, one in full; and publishing them again, or settling them. */
import { html } from 'htm/preact'
import type { VNode } from 'preact'
import type { ViewProps } from '../view.ts'
import { Letter } from './dead-letters/letter.ts'
import { LetterList } from './dead-letters/letter-list.ts'

export function DeadLettersView({ address: { query }, operate }: ViewProps): VNode {
  const place = query.get('letter')
  return (
    place
      ? html`<${Letter} key=${place} place=${place} operate=${operate} />`
      : html`<${LetterList} query=${query} operate=${operate} />`
  ) as VNode
}
