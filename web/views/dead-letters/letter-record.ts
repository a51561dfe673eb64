/** The record of a letter: key, headers, and its value taken apart as far as it goes. */
import { html } from 'htm/preact'
import type { VNode } from 'preact'
import type { DeadLetterJson } from '../../../services/learner/dead-letter-json.ts'
import { counted, time } from '../../numbers.ts'
import { visible } from '../../ui/visible.ts'
import { HexDump } from './hex-dump.ts'
import { LetterValue } from './letter-value.ts'

export function LetterRecord({ of: { record, topic, dead_letter } }: { of: DeadLetterJson }): VNode {
  if (!record)
    return html`<p><span class="any">${topic}</span> does not have the record any more, and ${dead_letter ? 'its copy in the dead-letter topic is gone, too' : 'there is no copy of it'}.</p>` as VNode
  const { from, incomplete, key, headers, value } = record
  return html`
    ${from === 'dead-letter topic' && html`<p class="notice warning"><span class="any">${topic}</span> does not have it any more: this is its copy in the dead-letter topic.${incomplete && ` The copy is ${incomplete}.`}</p>`}
    <dl class="facts">
      <dt>Taken in</dt><dd>${time(record.time)} UTC</dd>
      <dt>Key</dt><dd>${key ? html`<span class="any mono">${visible(key.text)}</span> <span class="quiet">${counted(key.bytes, 'byte')}</span>` : 'none'}</dd>
      <dt>Headers</dt><dd>${
        headers.length === 0
          ? 'none'
          : html`<ul class="headers">${headers.map((h) => html`<li><span class="any mono">${visible(h.name)}</span>: <span class="any mono">${visible(h.text)}</span></li>`)}</ul>`
      }</dd>
    </dl>
    <h3>Value${value ? `: ${counted(value.bytes, 'byte')}` : ''}</h3>
    ${
      value
        ? html`<${LetterValue} value=${value} />
            <details><summary>All of its bytes</summary><${HexDump} hex=${value.hex} first=${0} /></details>`
        : html`<p>It has none.</p>`
    }
  ` as unknown as VNode
}
