/** A field that shows what is typed for as long as one types, and else what its value has become. */
import { html } from 'htm/preact'
import type { VNode } from 'preact'
import { useState } from 'preact/hooks'

export interface TypedInputProps {
  value: string
  onText(text: string): void
  list?: string
  short?: boolean
  /** A phone offers digits. */
  numeric?: boolean
}

export function TypedInput({ value, onText, list, short, numeric }: TypedInputProps): VNode {
  const [typed, set] = useState<string | null>(null)
  const input = (event: Event) => {
    const { value: text } = event.target as HTMLInputElement
    set(text)
    onText(text)
  }
  return html`<input class=${short ? 'short' : undefined} list=${list} inputmode=${numeric ? 'decimal' : undefined} autocomplete="off" spellcheck=${false} value=${typed ?? value} onInput=${input} onBlur=${() => set(null)} />` as VNode
}
