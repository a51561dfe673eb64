/** Which models, and from when on. */
import { html } from 'htm/preact'
import type { VNode } from 'preact'
import { useState } from 'preact/hooks'
import { navigate, withQuery } from '../../router.ts'

export function Question({ models, since, learned }: { models: string; since: string; learned: string[] }): VNode {
  const [typed, set] = useState<{ models?: string; since?: string }>({})
  const shown = { models: typed.models ?? models, since: typed.since ?? since }
  const text = (event: Event) => (event.target as HTMLInputElement).value
  const submit = (event: Event) => {
    event.preventDefault()
    set({})
    const day = shown.since.trim()
    navigate(withQuery({ models: shown.models.replaceAll(' ', ''), since: day }))
  }
  return html`<form class="fields" onSubmit=${submit}>
    <label class="wide">Models, with commas between them
      <input list="learned-models" placeholder=${learned.join(',') || 'those that are learned here'} value=${shown.models} onInput=${(e: Event) => set({ ...typed, models: text(e) })} />
      <datalist id="learned-models">${learned.map((name) => html`<option value=${name} />`)}</datalist>
    </label>
    <label>Entered from then on (UTC)
      <input placeholder="2026-05-01" value=${shown.since} onInput=${(e: Event) => set({ ...typed, since: text(e) })} />
    </label>
    <button type="submit">Judge</button>
  </form>` as VNode
}
