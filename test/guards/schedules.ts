/**
 * Schedules of the simulation of the tree in which this file lies, until enough of them have failed. A process of its own: without a guard one may never end.
 * Argument: JSON {"seeds": [1, 2], "enough": 1}. Writes one JSON object: {"of": how many were run, "failed": [seed], "how": what the first failure was}.
 */
import { setImmediate } from 'node:timers/promises'
import { simulate } from '../../simulation/simulate.ts'

const { seeds, enough } = JSON.parse(process.argv[2] ?? '{}') as { seeds: number[]; enough: number }
const failed: number[] = []
let how: string | undefined
let of = 0
while (of < seeds.length && failed.length < enough) {
  const { seed, failures } = await simulate(seeds[of++]!)
  if (failures.length > 0) failed.push(seed)
  how ??= failures[0]
  await setImmediate() // signals get their turn
}
process.stdout.write(JSON.stringify({ of, failed, how }))
