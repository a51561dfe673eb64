/** The way from the base to the size, factor by factor. Pure. */

import type { Factor } from '../../../domain/sizing/allocation.ts'
import type { Decision } from '../../../services/decision/decide.ts'

export interface Step {
  /** What it multiplies by. */
  times: number
  /** Multiples of the base before and after it. */
  from: number
  to: number
  /** The size after it. */
  size: number
  /** null: a bound. */
  factor: Factor | null
  /** Of a bound: what it is. */
  bound?: 'model' | 'min' | 'max'
}

/** Factors in the answer's order, then what bounded their product, and the size. */
export function stepsOf({ base, factors, multiplier, multiplier_unclamped, allocation, bounded_by }: Decision): Step[] {
  const steps: Step[] = []
  let at = 1
  for (const factor of factors) {
    const to = at * factor.adjusted_weight
    steps.push({ factor, times: factor.adjusted_weight, from: at, to, size: base * to })
    at = to
  }
  const bounded = (bound: Step['bound'], to: number, size: number) => {
    steps.push({ factor: null, bound, times: to / at, from: at, to, size })
    at = to
  }
  if (multiplier !== multiplier_unclamped) bounded('model', multiplier, base * multiplier)
  if (bounded_by !== null) bounded(bounded_by, base > 0 ? allocation / base : at, allocation)
  return steps
}

export interface Span {
  /** Percent of the width. */
  left: number
  width: number
}

export interface Scale {
  /** Where the base stands, percent of the width. */
  base: number
  span(step: Pick<Step, 'from' | 'to'>): Span
}

/** Logarithmic, so that × 2 and × ½ are as long; wide enough for all steps and no narrower than from × ½ to × 2. */
export function scaleOf(steps: readonly Pick<Step, 'from' | 'to'>[]): Scale {
  const logs = steps
    .flatMap(({ from, to }) => [from, to])
    .filter((n) => n > 0)
    .map(Math.log)
  const low = Math.min(-Math.LN2, ...logs)
  const high = Math.max(Math.LN2, ...logs)
  const place = (n: number) => (n > 0 ? ((Math.log(n) - low) / (high - low)) * 100 : 0)
  return {
    base: place(1),
    span({ from, to }) {
      const [a, b] = [place(from), place(to)].sort((x, y) => x - y) as [number, number]
      return { left: a, width: b - a }
    },
  }
}

/** The factors that move the size most, of those of which something is learned. */
export const strongest = (factors: readonly Factor[], most = 3): Factor[] =>
  factors
    .filter((f) => f.known && Math.abs(f.adjusted_weight - 1) >= 0.001)
    .toSorted((a, b) => Math.abs(Math.log(b.adjusted_weight)) - Math.abs(Math.log(a.adjusted_weight)))
    .slice(0, most)
