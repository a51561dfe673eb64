/** A record's value: the fields that could be read, where and why reading stops, and the rest as bytes. */
import { html } from 'htm/preact'
import type { VNode } from 'preact'
import type { DeadLetterJson } from '../../../services/learner/dead-letter-json.ts'
import { counted } from '../../numbers.ts'
import { Table } from '../../ui/table.ts'
import { visible } from '../../ui/visible.ts'
import { HexDump } from './hex-dump.ts'

type Value = NonNullable<NonNullable<DeadLetterJson['record']>['value']>
type AvroValue = Extract<Value, { format: 'avro' }>
type Field = AvroValue['fields'][number]

export function LetterValue({ value }: { value: Value }): VNode {
  if (value.format === 'avro') return html`<${Avro} value=${value} />` as VNode
  if (value.format === 'text')
    return html`<p class="quiet">It is text, and no Avro.</p><pre class="dump any" tabindex="0" role="region" aria-label="Its text">${visible(value.text)}</pre>` as unknown as VNode
  const why =
    value.format === 'frame'
      ? `Byte 0 is the magic byte 0; ${value.why}.`
      : 'It does not begin with byte 0, and is no text.'
  return html`<p class="quiet">${value.format === 'none' ? 'It has no bytes.' : why}</p>` as VNode
}

function Avro({ value: { schema, fields, stopped, rest, rest_at } }: { value: AvroValue }): VNode {
  return html`
    <p>Schema ${schema.id}${schema.name && html`, <span class="any">${schema.name}</span>`}${schema.problem && html`: <span class="any">${visible(schema.problem)}</span>`}.
      ${schema.guessed && html` <strong>What follows is read with this build’s own schema: a guess.</strong>`}</p>
    ${
      fields.length > 0 &&
      html`<${Table} caption="Fields of the event" rows=${fields} keyOf=${(f: Field) => `${f.at} ${f.field}`} columns=${[
        { name: 'at', title: 'From byte', numeric: true, cell: (f: Field) => String(f.at) },
        { name: 'field', title: 'Field', cell: (f: Field) => html`<span class="any">${visible(f.field)}</span>` },
        { name: 'value', title: 'Value', cell: (f: Field) => html`<div class="any field-value">${shown(f)}</div>` },
      ]} />`
    }
    ${
      stopped
        ? html`<p class="notice error">Reading stops at byte ${stopped.at}, in <span class="any">${visible(stopped.field)}</span>: <span class="any">${visible(stopped.why)}</span>.</p>`
        : rest.length > 0 &&
          html`<p class="notice warning">The event ends at byte ${rest_at}, and ${counted(rest.length / 2, 'byte')} follow.</p>`
    }
    ${rest.length > 0 && html`<${HexDump} hex=${rest} first=${rest_at} />`}
  ` as unknown as VNode
}

/** A time of ours has the time in words as well. */
function shown({ field, value }: Field): string {
  if (typeof value === 'string') return visible(JSON.stringify(value))
  const isTime = typeof value === 'number' && /_at$/.test(field) && Math.abs(value) < 8.64e15
  return isTime ? `${value} (${new Date(value).toISOString()})` : JSON.stringify(value)
}
