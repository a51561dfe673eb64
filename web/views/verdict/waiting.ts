/** A verdict is being computed: for how long already. */
import { html } from 'htm/preact'
import type { VNode } from 'preact'
import { useEffect, useState } from 'preact/hooks'
import { duration } from '../../numbers.ts'

export function Waiting(): VNode {
  const [began] = useState(() => Date.now())
  const [now, set] = useState(began)
  useEffect(() => {
    const timer = setInterval(() => set(Date.now()), 500)
    return () => clearInterval(timer)
  }, [])
  return html`<div class="notice">
    <strong role="status">Walking through the log …</strong>
    <p>Each trade is sized by what was known before its entry, 500 times over. It has taken <span aria-live="off">${duration(now - began)}</span>; ten thousand trades take some ten seconds.</p>
  </div>` as VNode
}
