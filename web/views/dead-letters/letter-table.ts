/** The letters, each to be selected and to be opened. */
import { html } from 'htm/preact'
import type { VNode } from 'preact'
import type { DeadLetter } from '../../../services/learner/dead-letter-list.ts'
import { time } from '../../numbers.ts'
import { type Column, Table } from '../../ui/table.ts'
import { visible } from '../../ui/visible.ts'
import { letterLink, placeText } from './place.ts'
import { StateTag } from './state-tag.ts'

interface LetterTableProps {
  letters: DeadLetter[]
  /** null: nothing can be selected. */
  selected: ReadonlySet<string> | null
  onSelect(place: string, isSelected: boolean): void
}

export function LetterTable({ letters, selected, onSelect }: LetterTableProps): VNode {
  const select: Column<DeadLetter> = {
    name: 'select',
    title: 'Select',
    cell: (l) =>
      html`<input type="checkbox" aria-label=${`Select ${placeText(l)}`} checked=${selected?.has(placeText(l))} onChange=${(event: Event) => onSelect(placeText(l), (event.target as HTMLInputElement).checked)} />`,
  }
  const columns: Column<DeadLetter>[] = [
    ...(selected ? [select] : []),
    { name: 'record', title: 'Record', cell: (l) => html`<a class="mono" href=${letterLink(l)}>${placeText(l)}</a>` },
    { name: 'since', title: 'Refused (UTC)', cell: (l) => html`<span class="even">${time(l.recorded_at)}</span>` },
    { name: 'reason', title: 'Reason', cell: (l) => html`<span class="any">${l.reason}</span>` },
    { name: 'state', title: 'State', cell: (l) => html`<${StateTag} letter=${l} />` },
    { name: 'detail', title: 'Detail', cell: (l) => html`<span class="any">${visible(l.detail)}</span>` },
  ]
  return html`<${Table} caption="Dead letters" columns=${columns} rows=${letters} keyOf=${(l: DeadLetter) => `${placeText(l)} ${l.consumer}`} />` as VNode
}
