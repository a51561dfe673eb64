/** The yes to taking a discard back. */
import { html } from 'htm/preact'
import type { VNode } from 'preact'
import { useState } from 'preact/hooks'
import type { Place } from '../../../services/learner/dead-letter-store.ts'
import type { LeftLetter } from '../../../services/learner/redrive.ts'
import { ask, Refused } from '../../api.ts'
import { counted } from '../../numbers.ts'
import { Confirm } from '../../ui/confirm.ts'
import { Failure } from '../../ui/notice.ts'

export interface ReopenAnswer {
  reopened: Place[]
  skipped: LeftLetter[]
}

interface DialogProps {
  places: string[]
  onDone(result: ReopenAnswer): void
  onCancel(): void
}

export function ReopenDialog({ places, onDone, onCancel }: DialogProps): VNode {
  const [busy, setBusy] = useState(false)
  const [refused, setRefused] = useState<Refused | null>(null)
  const confirm = async () => {
    setBusy(true)
    setRefused(null)
    try {
      onDone(await ask<ReopenAnswer>('/v1/dead-letters/reopen', { body: { places } }))
    } catch (error) {
      setRefused(error instanceof Refused ? error : new Refused(0, 'INTERNAL', String(error), null))
      setBusy(false)
    }
  }
  return html`<${Confirm} title="Open letters again" verb="Open again" busy=${busy} onConfirm=${confirm} onCancel=${onCancel}>
    <p>${counted(places.length, 'letter')} that ${places.length === 1 ? 'was' : 'were'} discarded: <span class="mono">${places.slice(0, 10).join(', ')}${places.length > 10 ? ' …' : ''}</span>. A redrive takes them again.</p>
    ${refused && html`<${Failure} error=${refused} />`}
  <//>` as VNode
}
