/** The entry context: as JSON, and field by field; one follows the other. */
import { html } from 'htm/preact'
import type { VNode } from 'preact'
import type { Contexts, LeverField, MeasureField } from '../../../page/sizing/contexts.ts'
import { counted } from '../../numbers.ts'
import { TypedInput } from '../../ui/typed-input.ts'
import { type EntryContext, fitsAddress, numberOr, type ReadEntry, withField, wordOf } from './entry.ts'

export interface EntryFormProps {
  text: string
  read: ReadEntry
  contexts: Contexts | undefined
  /** They could not be read: the view says why. */
  away: boolean
  onText(text: string): void
}

export function EntryForm({ text, read, contexts, away, onText }: EntryFormProps): VNode {
  const { problem } = read
  const context = read.problem === undefined ? read.context : undefined
  const change = (field: string, value: string | number | undefined) => {
    if (context) onText(withField(context, field, value))
  }
  return html`
    <div class="entry">
      <label>As JSON: texts are levers, numbers measures
        <textarea rows="9" spellcheck=${false} aria-invalid=${problem ? 'true' : undefined} aria-describedby=${problem ? 'entry-problem' : undefined} value=${text} onInput=${(e: Event) => onText((e.target as HTMLTextAreaElement).value)}></textarea>
      </label>
      ${problem && html`<p class="notice error" id="entry-problem" role="alert"><span class="any">${problem}</span></p>`}
      ${!fitsAddress(text) && html`<p class="quiet">This is too long for an address: a link to this view does not have it.</p>`}
    </div>
    <fieldset disabled=${!context}>
      <legend>Field by field${contexts ? html`, as <span class="any">${contexts.model.name}</span> reads it` : ''}</legend>
      ${!contexts && !away && html`<p class="quiet" role="status">What the model reads is on its way …</p>`}
      <div class="fields">${contexts?.fields.map((field) =>
        field.kind === 'lever'
          ? html`<${LeverInput} key=${field.field} of=${field} context=${context} change=${change} />`
          : html`<${MeasureInput} key=${field.field} of=${field} context=${context} change=${change} />`,
      )}</div>
    </fieldset>` as unknown as VNode
}

interface InputProps<Field> {
  of: Field
  context: EntryContext | undefined
  change(field: string, value: string | number | undefined): void
}

const shown = (value: unknown) => (value === undefined || value === null ? '' : String(value))

function LeverInput({ of, context, change }: InputProps<LeverField>): VNode {
  const { field, values, vocabulary, known } = of
  const id = `values-${field}`
  const n = new Map(values.map((v) => [v.value, v.n]))
  const offered = [...n.keys(), ...(vocabulary ?? []).filter((word) => !n.has(word))]
  const value = context?.[field]
  const note = known > values.length ? `the ${values.length} most frequent of ${known}` : ''
  return html`<div>
    <label><span class="any">${field}</span>
      <${TypedInput} list=${id} value=${shown(value)} onText=${(text: string) => change(field, text || undefined)} />
    </label>
    <datalist id=${id}>${offered.map((word) => html`<option value=${word}>${counted(n.get(word) ?? 0, 'trade')}</option>`)}</datalist>
    ${note && html`<small class="quiet">${note} are offered</small>`}
  </div>` as VNode
}

function MeasureInput({ of, context, change }: InputProps<MeasureField>): VNode {
  const { field, unit, bands } = of
  const value = context?.[field]
  const said = bands.flatMap((band) => {
    const word = wordOf(band, value)
    return word === undefined ? [] : [`${band.lever} ${word}`]
  })
  return html`<div>
    <label><span><span class="any">${field}</span>${unit ? ` (${unit})` : ''}</span>
      <${TypedInput} numeric value=${shown(value)} onText=${(text: string) => change(field, text === '' ? undefined : numberOr(text))} />
    </label>
    ${said.length > 0 && html`<small class="quiet any">${said.join(', ')}</small>`}
  </div>` as VNode
}
