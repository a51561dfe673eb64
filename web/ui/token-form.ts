/** Asks for the token, where the server wants one. */
import { html } from 'htm/preact'
import type { VNode } from 'preact'
import { useState } from 'preact/hooks'
import { setToken } from '../api.ts'

export function TokenForm({ given }: { given(): void }): VNode {
  const [token, set] = useState('')
  const submit = (event: Event) => {
    event.preventDefault()
    setToken(token.trim())
    given()
  }
  return html`<form class="card narrow" onSubmit=${submit}>
    <h1>This page needs a token</h1>
    <p>It is the value of STRANDLINE_TOKEN of whoever started the stack. It is kept for this tab alone.</p>
    <label>Token <input type="password" autocomplete="off" required value=${token} onInput=${(e: Event) => set((e.target as HTMLInputElement).value)} /></label>
    <button type="submit">Go on</button>
  </form>` as VNode
}
