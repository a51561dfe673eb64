/** Why a multiplier is what it is, in one line for a log. Pure. */
import type { Factor } from './allocation.ts'

/** Factors that are told, the strongest first. */
const TOLD = 3
/** What changes a size by less is as good as nothing. */
const NEXT_TO_NOTHING = 0.001

/** E.g. `enter_tag dip × 0.91 (40 trades), hour 14 × 1.03 (12 trades)`. */
export function whyText(factors: readonly Factor[]): string {
  const known = factors.filter((f) => f.known)
  if (known.length === 0) return 'nothing is learned of it yet'
  const effect = ({ adjusted_weight }: Factor) => Math.abs(Math.log(adjusted_weight))
  const telling = known
    .filter((f) => Math.abs(f.adjusted_weight - 1) >= NEXT_TO_NOTHING)
    .sort((a, b) => effect(b) - effect(a))
  if (telling.length === 0) return 'what is learned of it says next to nothing'
  return telling
    .slice(0, TOLD)
    .map(({ name, key, adjusted_weight, n }) => {
      const what = key === '' ? name : `${name} ${key}`
      return `${what} × ${adjusted_weight.toFixed(2)} (${n} trade${n === 1 ? '' : 's'})`
    })
    .join(', ')
}
