/** Asks for the token, where the server wants one, until it is the right one. */
import { html } from 'htm/preact'
import type { VNode } from 'preact'
import { useState } from 'preact/hooks'
import { hasToken, Refused, tryToken } from '../api.ts'

const WRONG =
  'That is not the token. Look at the STRANDLINE_TOKEN (or the --token-file) with which this page was started.'
const OLD = 'The token that you gave is not taken any more: the page was started with another one.'

export function TokenForm({ given }: { given(): void }): VNode {
  const [token, set] = useState('')
  const [asking, setAsking] = useState(false)
  const [wrong, setWrong] = useState(hasToken() ? OLD : null)
  const submit = async (event: Event) => {
    event.preventDefault()
    if (asking) return
    setAsking(true)
    try {
      if (await tryToken(token.trim())) return given()
      setWrong(WRONG)
    } catch (error) {
      setWrong(error instanceof Refused ? `${error.message} ${error.todo}` : String(error))
    }
    setAsking(false)
    set('')
  }
  return html`<form class="card narrow" onSubmit=${submit} aria-busy=${asking ? 'true' : 'false'}>
    <h1>This page needs a token</h1>
    <p>It is the value of STRANDLINE_TOKEN of whoever started the stack. It is kept for this tab alone.</p>
    ${wrong && html`<p class="notice error" role="alert" id="token-wrong">${wrong}</p>`}
    <div class="fields">
      <label>Token <input type="password" autocomplete="off" required value=${token} aria-describedby=${wrong ? 'token-wrong' : undefined} onInput=${(e: Event) => set((e.target as HTMLInputElement).value)} /></label>
      <button type="submit">${asking ? 'Asking …' : 'Go on'}</button>
    </div>
  </form>` as VNode
}
