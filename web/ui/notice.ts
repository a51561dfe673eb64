/** What is said in place of what was asked for: it failed, it is awaited, there is nothing. */
import { html } from 'htm/preact'
import type { ComponentChildren, VNode } from 'preact'
import type { Answered, Refused } from '../api.ts'

export const Failure = ({ error }: { error: Refused }): VNode =>
  html`<div class="notice error" role="alert"><strong>${error.message}</strong>${error.todo && html`<p>${error.todo}</p>`}</div>` as VNode

export const Empty = ({ children }: { children?: ComponentChildren }): VNode =>
  html`<div class="notice">${children}</div>` as VNode

/** The answer once it is there; beside an older one, that it is old. */
export function Answer<T>({ of, children }: { of: Answered<T>; children: (value: T) => unknown }): VNode {
  const { value, error, asking } = of
  return html`<div aria-busy=${asking ? 'true' : 'false'}>
    ${error && html`<${Failure} error=${error} />`}
    ${value === undefined ? !error && html`<p class="quiet" role="status">Asking …</p>` : children(value)}
  </div>` as VNode
}
