/** Chooses a moment between the first and the last exit: everything that is shown is as of then. */
import { html } from 'htm/preact'
import type { VNode } from 'preact'
import { useEffect, useRef, useState } from 'preact/hooks'
import { moment, time } from '../numbers.ts'

export interface TimeSliderProps {
  /** First and last exit, ISO 8601; null: there is no trade; undefined: not known yet. */
  span: { first: string; last: string } | null | undefined
  /** The chosen moment; null: now. */
  at: string | null
  /** What is shown is of another moment, by no exit: in words. */
  other?: string | null
  /** @param replace it moves on while one drags */
  choose(at: string | null, replace: boolean): void
}

const SETTLED_MS = 150
const STEPS = 1_000
const DAY_MS = 86_400_000
const second = (ms: number) => `${new Date(ms).toISOString().slice(0, 19)}Z`

export function TimeSlider({ span, at, other = null, choose }: TimeSliderProps): VNode {
  const [dragged, setDragged] = useState<number | null>(null)
  const timer = useRef<ReturnType<typeof setTimeout> | undefined>(undefined)
  useEffect(() => setDragged(null), [at])
  useEffect(() => () => clearTimeout(timer.current), [])
  if (span === null)
    return html`<p class="quiet">There is no trade yet, so there is no other moment than now.</p>` as VNode
  if (span === undefined)
    return html`<p class="quiet" role="status">Reading the log: past moments can be looked at when that is done …</p>` as VNode
  const first = Math.floor(Date.parse(span.first) / 1_000) * 1_000
  const last = Math.ceil(Date.parse(span.last) / 1_000) * 1_000
  const chosen = dragged ?? moment(at)
  const value = Math.min(last, Math.max(first, chosen ?? last))
  const drag = (event: Event) => {
    const ms = Number((event.target as HTMLInputElement).value)
    setDragged(ms)
    clearTimeout(timer.current)
    timer.current = setTimeout(() => choose(second(ms), true), SETTLED_MS)
  }
  const go = (ms: number | null) => {
    clearTimeout(timer.current)
    choose(ms === null ? null : second(ms), false)
  }
  const typed = (event: Event) => {
    const { value: text } = event.target as HTMLInputElement
    const ms = Date.parse(`${text}Z`)
    if (!Number.isNaN(ms)) go(ms)
  }
  const text = chosen === null ? (other ?? 'now') : `${time(second(chosen))} UTC`
  const step = Math.max(1_000, Math.round((last - first) / STEPS / 1_000) * 1_000)
  return html`<div class="slider">
    <label class="reach">As of: ${text}
      <input type="range" min=${first} max=${last} step=${step} value=${value} onInput=${drag} aria-valuetext=${text} disabled=${last <= first} />
      <span class="ends"><span>${time(span.first)}</span><span>${time(span.last)}</span></span>
    </label>
    <label>Exactly (UTC) <input type="datetime-local" step="1" value=${second(chosen ?? last).slice(0, 19)} onChange=${typed} /></label>
    <div class="steps">
      <button type="button" onClick=${() => go((chosen ?? last) - DAY_MS)}>A day earlier</button>
      <button type="button" onClick=${() => go(null)} disabled=${chosen === null && other === null}>Now</button>
    </div>
  </div>` as VNode
}
