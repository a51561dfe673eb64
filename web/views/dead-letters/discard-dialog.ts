/** Which letters a discard would settle, why, and the yes to it. */
import { html } from 'htm/preact'
import type { VNode } from 'preact'
import { useState } from 'preact/hooks'
import type { Place } from '../../../services/learner/dead-letter-store.ts'
import type { LeftLetter } from '../../../services/learner/redrive.ts'
import { ask, Refused, useAnswer } from '../../api.ts'
import { counted } from '../../numbers.ts'
import { Confirm } from '../../ui/confirm.ts'
import { Answer, Failure } from '../../ui/notice.ts'
import { discardChoice, type Selection } from './filter.ts'
import { placeText } from './place.ts'
import { Skipped } from './skipped.ts'

export interface DiscardAnswer {
  discarded: Place[]
  skipped: LeftLetter[]
}

interface DialogProps {
  selection: Selection
  onDone(result: DiscardAnswer): void
  onCancel(): void
}

const PATH = '/v1/dead-letters/discard'
const NAMED = 10

export function DiscardDialog({ selection, onDone, onCancel }: DialogProps): VNode {
  const [now] = useState(() => new Date().toISOString())
  const [reason, setReason] = useState('')
  const [busy, setBusy] = useState(false)
  const [refused, setRefused] = useState<Refused | null>(null)
  const choice = discardChoice(selection, now)
  const preview = useAnswer<{ would_discard: Place[]; skipped: LeftLetter[] }>(PATH, {
    ...choice,
    reason: 'a look at which ones',
    dry_run: true,
  })
  const would = preview.value?.would_discard ?? []
  const confirm = async () => {
    setBusy(true)
    setRefused(null)
    try {
      onDone(await ask<DiscardAnswer>(PATH, { body: { ...choice, reason } }))
    } catch (error) {
      setRefused(error instanceof Refused ? error : new Refused(0, 'INTERNAL', String(error), null))
      setBusy(false)
    }
  }
  return html`<${Confirm} title="Settle letters without applying them" verb="Discard" busy=${busy} notYet=${preview.asking || would.length === 0 || reason.trim() === ''} onConfirm=${confirm} onCancel=${onCancel}>
    <p>They are open no more, and no redrive of many takes them. Who, when and why is kept; the records stay in both topics. They can be opened again.</p>
    <${Answer} of=${preview}>${(found: { skipped: LeftLetter[] }) => html`
      <p role="status"><strong>${counted(would.length, 'letter')} would be discarded</strong>${would.length > 0 && html`: <span class="mono">${would.slice(0, NAMED).map(placeText).join(', ')}${would.length > NAMED ? ` and ${would.length - NAMED} more` : ''}</span>`}</p>
      <${Skipped} skipped=${found.skipped} />
    `}<//>
    <label class="wide">Why, for whoever looks at it later <input required maxlength="1000" value=${reason} onInput=${(event: Event) => setReason((event.target as HTMLInputElement).value)} /></label>
    ${refused && html`<${Failure} error=${refused} />`}
  <//>` as VNode
}
