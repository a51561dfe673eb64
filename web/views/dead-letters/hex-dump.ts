/** Bytes as a person reads them: sixteen a line, with their place and what is text of them. */
import { html } from 'htm/preact'
import type { VNode } from 'preact'
import { counted } from '../../numbers.ts'

const BYTES = 16
const MOST_LINES = 512

/** @param first the place of the first byte */
export function HexDump({ hex, first }: { hex: string; first: number }): VNode {
  const bytes = hex.match(/../g) ?? []
  const left = bytes.length - MOST_LINES * BYTES
  return html`<pre class="dump" tabindex="0" role="region" aria-label="Bytes in hexadecimal digits">${dumpLines(bytes, first).join('\n')}</pre>
    ${left > 0 && html`<p class="quiet">… and ${counted(left, 'byte')} more; ./strandline dead-letters show --json has all of them.</p>`}` as unknown as VNode
}

function dumpLines(bytes: string[], first: number): string[] {
  const lines: string[] = []
  for (let at = 0; at < bytes.length && lines.length < MOST_LINES; at += BYTES) {
    const line = bytes.slice(at, at + BYTES)
    const text = line.map((b) => letterOf(Number.parseInt(b, 16))).join('')
    lines.push(`${(first + at).toString(16).padStart(8, '0')}  ${line.join(' ').padEnd(3 * BYTES - 1)}  |${text}|`)
  }
  return lines
}

const letterOf = (byte: number) => (byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : '.')
