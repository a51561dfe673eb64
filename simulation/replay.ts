/** A failing schedule for a person: made as small as it goes, all that happened in it, and what was expected. */
import { planOf } from './plan.ts'
import { shrink } from './shrink.ts'
import { simulatePlan } from './simulate.ts'
import { BEGIN } from './world.ts'

export async function smallestFailure(seed: number): Promise<string> {
  const fails = async (plan: ReturnType<typeof planOf>) => (await simulatePlan(plan, false, false)).failures.length > 0
  const whole = planOf(seed, BEGIN)
  if (!(await fails(whole))) return 'Nothing is wrong but that too little happened.'
  const plan = await shrink(whole, fails)
  const { lines, failures } = await simulatePlan(plan, true, false)
  const count = (n: number, what: string) => `${n} ${what}${n === 1 ? '' : 's'}`
  return [
    `Left of it: ${count(plan.trades.length, 'trade')}, ${count(plan.posts.length, 'posted trade')}, ${count(plan.edits.length, 'edit')}, ${count(plan.faults.length, 'fault')}.`,
    ...plan.faults.map((fault) => `  ${JSON.stringify(fault)}`),
    ...plan.edits.map((edit) => `  ${JSON.stringify(edit)}`),
    ...lines,
    ...failures.map((failure) => `Failed: ${failure}`),
  ].join('\n')
}
