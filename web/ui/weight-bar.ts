/** A weight as a bar that begins at 1, with how far off it may be. */
import { html } from 'htm/preact'
import type { VNode } from 'preact'

export interface WeightBarProps {
  weight: number
  /** One standard deviation either way; null: not known. */
  range: [low: number, high: number] | null
  /** Another weight to compare with, as a mark. */
  other?: number | null
  /** Weights from 1/e^reach to e^reach have room. */
  reach: number
}

const WIDTH = 140
const HALF = WIDTH / 2

export function WeightBar({ weight, range, other, reach }: WeightBarProps): VNode {
  const x = (w: number) => HALF + (HALF - 3) * Math.max(-1, Math.min(1, Math.log(w) / reach))
  const [from, to] = [Math.min(HALF, x(weight)), Math.max(HALF, x(weight))]
  return html`<svg class="weight" viewBox=${`0 0 ${WIDTH} 18`} width=${WIDTH} height="18" aria-hidden="true">
    <rect class=${weight >= 1 ? 'above' : 'below'} x=${from} y="4" width=${Math.max(0.5, to - from)} height="10" rx="1.5" />
    <line class="one" x1=${HALF} x2=${HALF} y1="0" y2="18" />
    ${
      range &&
      html`<path class="error" d=${`M${x(range[0])} 6v6M${x(range[0])} 9H${x(range[1])}M${x(range[1])} 6v6`} />`
    }
    ${other !== null && other !== undefined && html`<path class="other" d=${`M${x(other)} 1l3.5 4h-7zM${x(other)} 17l3.5 -4h-7z`} />`}
  </svg>` as VNode
}

/** Weights of an edge and of one standard deviation around it: a weight is e^(edge/scale), with the same scale for all. @param scale null: not known */
export function weightRange(edge: number, error: number | null, scale: number | null): [number, number] | null {
  if (error === null || scale === null) return null
  return [Math.exp((edge - error) / scale), Math.exp((edge + error) / scale)]
}

/** What of an edge makes a weight e times as large, as the largest of these edges has it; null: none says. */
export function scaleOf(rows: Iterable<{ weight: number; edge: number } | undefined>): number | null {
  let scale: number | null = null
  let largest = 0
  for (const row of rows) {
    if (!row || Math.abs(row.edge) <= largest || row.weight === 1) continue
    const found = row.edge / Math.log(row.weight)
    if (!(found > 0) || Math.abs(Math.log(row.weight)) > 19) continue // a weight that was cut says nothing
    ;[scale, largest] = [found, Math.abs(row.edge)]
  }
  return scale
}
