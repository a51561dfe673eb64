/** Asks before something is changed: what will be, and what it takes to say yes. */
import { html } from 'htm/preact'
import type { ComponentChildren, VNode } from 'preact'
import { useEffect, useRef } from 'preact/hooks'

export interface ConfirmProps {
  title: string
  /** What the button says: the verb. */
  verb: string
  /** It is being done: nothing more can be said. */
  busy?: boolean
  /** Something is missing that a yes needs. */
  notYet?: boolean
  onConfirm(): void
  onCancel(): void
  children?: ComponentChildren
}

export function Confirm({
  title,
  verb,
  busy = false,
  notYet = false,
  onConfirm,
  onCancel,
  children,
}: ConfirmProps): VNode {
  const dialog = useRef<HTMLDialogElement>(null)
  useEffect(() => dialog.current?.showModal(), [])
  const cancel = (event: Event) => {
    event.preventDefault()
    if (!busy) onCancel()
  }
  return html`<dialog ref=${dialog} onCancel=${cancel} aria-labelledby="confirm-title">
    <h2 id="confirm-title">${title}</h2>
    ${children}
    <p class="actions">
      <button type="button" onClick=${cancel} disabled=${busy}>Cancel</button>
      <button type="button" class="strong" onClick=${onConfirm} disabled=${busy || notYet}>${busy ? `${verb} …` : verb}</button>
    </p>
  </dialog>` as VNode
}
