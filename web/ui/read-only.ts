/** Said where buttons would be, on a page that may change nothing. */
import { html } from 'htm/preact'
import type { VNode } from 'preact'

/** @param what could be done here, as words that follow "to" */
export const ReadOnly = ({ what }: { what: string }): VNode =>
  html`<p class="quiet">This page only reads. To ${what} from it, start it with <code>--operate</code> and a token: <code>STRANDLINE_TOKEN=… ./strandline page --operate</code>, or <code>./strandline up --operate</code>.</p>` as VNode
