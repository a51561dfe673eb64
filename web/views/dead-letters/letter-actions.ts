/** What can be done to the letters that are selected: each with a preview, and a yes. */
import { html } from 'htm/preact'
import type { VNode } from 'preact'
import { useState } from 'preact/hooks'
import type { DeadLetter } from '../../../services/learner/dead-letter-list.ts'
import { count } from '../../numbers.ts'
import { DiscardDialog } from './discard-dialog.ts'
import type { Selection } from './filter.ts'
import { type Outcome, OutcomeNotice } from './outcome.ts'
import { placeText } from './place.ts'
import { RedriveDialog } from './redrive-dialog.ts'
import { ReopenDialog } from './reopen-dialog.ts'

interface ActionsProps {
  selection: Selection
  /** So many are selected. */
  n: number
  /** So many can be. null: there is but this one. */
  total: number | null
  /** Those that are shown. */
  letters: DeadLetter[]
  onAll?(): void
  onClear?(): void
  onDone(): void
}

export function LetterActions({ selection, n, total, letters, onAll, onClear, onDone }: ActionsProps): VNode {
  const [dialog, setDialog] = useState<'redrive' | 'discard' | 'reopen' | null>(null)
  const [outcome, setOutcome] = useState<Outcome | null>(null)
  const places = 'places' in selection ? new Set(selection.places) : null
  const chosen = letters.filter((l) => !places || places.has(placeText(l)))
  const open = chosen.some((l) => l.state === 'open')
  const discarded = chosen.filter((l) => l.state === 'discarded').map(placeText)
  const done = (result: Outcome) => {
    setDialog(null)
    setOutcome(result)
    onClear?.()
    onDone()
  }
  const cancel = () => setDialog(null)
  return html`<div>
    ${outcome && html`<${OutcomeNotice} of=${outcome} onClose=${() => setOutcome(null)} />`}
    <div class="fields" role="group" aria-label="What can be done to the selected letters">
      ${
        total !== null &&
        html`<span>${count(n)} selected</span>
        ${n < total && html`<button type="button" onClick=${onAll}>Select all ${count(total)}</button>`}
        ${n > 0 && html`<button type="button" onClick=${onClear}>Select none</button>`}`
      }
      <button type="button" disabled=${n === 0 || !open} onClick=${() => setDialog('redrive')}>Redrive …</button>
      <button type="button" disabled=${n === 0 || !open} onClick=${() => setDialog('discard')}>Discard …</button>
      ${discarded.length > 0 && html`<button type="button" onClick=${() => setDialog('reopen')}>Open again …</button>`}
    </div>
    ${dialog === 'redrive' && html`<${RedriveDialog} selection=${selection} onDone=${done} onCancel=${cancel} />`}
    ${dialog === 'discard' && html`<${DiscardDialog} selection=${selection} onDone=${done} onCancel=${cancel} />`}
    ${dialog === 'reopen' && html`<${ReopenDialog} places=${discarded} onDone=${done} onCancel=${cancel} />`}
  </div>` as VNode
}
