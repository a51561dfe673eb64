/** A plan that fails, made as small as it goes: what can be left out without it failing no longer, is. */
import type { Plan } from './planned.ts'

const PARTS = ['faults', 'edits', 'posts', 'trades'] as const

/**
 * @param fails whether a plan fails
 * @param most so many plans are tried at most
 */
export async function shrink(plan: Plan, fails: (plan: Plan) => Promise<boolean>, most = 200): Promise<Plan> {
  let smallest = plan
  let tried = 0
  for (const part of PARTS)
    for (let size = Math.ceil(smallest[part].length / 2); size > 0; size = size === 1 ? 0 : Math.ceil(size / 2))
      for (let at = 0; at < smallest[part].length && tried < most; tried++) {
        const without: Plan = { ...smallest, [part]: smallest[part].toSpliced(at, size) }
        if (without.trades.length > 0 && (await fails(without))) smallest = without
        else at += size
      }
  return smallest
}
