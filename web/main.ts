/** Puts the page into the document. */
import { html } from 'htm/preact'
import { render } from 'preact'
import { App } from './app.ts'

render(html`<${App} />`, document.getElementById('app') as HTMLElement)
