/** The models that can be asked, to choose one. */
import { html } from 'htm/preact'
import type { VNode } from 'preact'
import { type AskableModel, modelText } from './answers.ts'

/** @param chosen stays there, whatever the server knows of it */
export function ModelOptions({ models = [], chosen }: { models?: AskableModel[]; chosen: string | null }): VNode {
  const [learned, others] = [models.filter((m) => m.learned), models.filter((m) => !m.learned)]
  return html`
    ${chosen && !models.some((m) => m.ask === chosen) && html`<option value=${chosen}>${chosen}</option>`}
    ${learned.map((m) => html`<option key=${m.ask} value=${m.ask}>${modelText(m)}${m.building ? ', being rebuilt' : ''}</option>`)}
    ${
      others.length > 0 &&
      html`<optgroup label="Never learned here: past moments alone">${others.map((m) => html`<option key=${m.ask} value=${m.ask}>${m.name}</option>`)}</optgroup>`
    }
  ` as unknown as VNode
}
