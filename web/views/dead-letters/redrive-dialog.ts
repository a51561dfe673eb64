/** What a redrive would publish where, and the yes to it. */
import { html } from 'htm/preact'
import type { VNode } from 'preact'
import { useState } from 'preact/hooks'
import type { RedriveAnswer, RedrivePreviewAnswer, WouldRedrive } from '../../../services/learner/redrive-chosen.ts'
import { ask, Refused, useAnswer } from '../../api.ts'
import { counted } from '../../numbers.ts'
import { Confirm } from '../../ui/confirm.ts'
import { Answer, Failure } from '../../ui/notice.ts'
import { Table } from '../../ui/table.ts'
import { redriveChoice, type Selection } from './filter.ts'
import { placeText } from './place.ts'
import { Skipped } from './skipped.ts'

interface DialogProps<Result> {
  selection: Selection
  onDone(result: Result): void
  onCancel(): void
}

const PATH = '/v1/dead-letters/redrive'

export function RedriveDialog({ selection, onDone, onCancel }: DialogProps<RedriveAnswer>): VNode {
  const named = 'places' in selection
  const [more, setMore] = useState(false)
  const choice = { ...redriveChoice(selection), ...(more ? { [named ? 'force' : 'again']: true } : {}) }
  const preview = useAnswer<RedrivePreviewAnswer>(PATH, { ...choice, dry_run: true })
  const [busy, setBusy] = useState(false)
  const [refused, setRefused] = useState<Refused | null>(null)
  const would = preview.value?.would_redrive ?? []
  const codes = new Set(preview.value?.skipped.map((l) => l.code))
  const confirm = async () => {
    setBusy(true)
    setRefused(null)
    try {
      onDone(await ask<RedriveAnswer>(PATH, { body: choice }))
    } catch (error) {
      setRefused(error instanceof Refused ? error : new Refused(0, 'INTERNAL', String(error), null))
      setBusy(false)
    }
  }
  return html`<${Confirm} title="Publish records again" verb="Redrive" busy=${busy} notYet=${preview.asking || would.length === 0} onConfirm=${confirm} onCancel=${onCancel}>
    <p>Put right what was wrong first. What is good now counts once, however often it is published; what is refused again is a letter again, at its new place.</p>
    <${Answer} of=${preview}>${(found: RedrivePreviewAnswer) => html`
      <p role="status"><strong>${counted(would.length, 'record')} would be published again</strong>${would.length > 0 ? ` to ${found.topic}, each into its own partition.` : '.'}</p>
      ${would.length > 0 && html`<div class="preview" tabindex="0" role="region" aria-label="What would be published again"><${WouldTable} rows=${would} /></div>`}
      <${Skipped} skipped=${found.skipped} />
    `}<//>
    ${
      (more || codes.has(named ? 'too_often' : 'failed_again')) &&
      html`<label class="row"><input type="checkbox" checked=${more} onChange=${() => setMore(!more)} /> ${
        named ? 'Also those that were redriven so often' : 'Also those that were redriven before and refused again'
      }</label>`
    }
    ${refused && html`<${Failure} error=${refused} />`}
  <//>` as VNode
}

const WouldTable = ({ rows }: { rows: WouldRedrive[] }): VNode =>
  html`<${Table} caption="What would be published again" rows=${rows} keyOf=${placeText} columns=${[
    { name: 'record', title: 'Record', cell: (r: WouldRedrive) => html`<span class="mono">${placeText(r)}</span>` },
    { name: 'reason', title: 'Refused for', cell: (r: WouldRedrive) => html`<span class="any">${r.reason}</span>` },
    { name: 'redrives', title: 'Redriven before', numeric: true, cell: (r: WouldRedrive) => String(r.redrives) },
    { name: 'from', title: 'Read from', cell: (r: WouldRedrive) => `the ${r.from}` },
  ]} />` as VNode
