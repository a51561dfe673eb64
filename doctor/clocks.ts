/** Clocks that differ. Pure. */
import { MAX_CLOCK_SKEW_MS } from '../domain/validation.ts'
import { duration, error, type Finding, info, warning } from './finding.ts'

/** By how much one clock is ahead of another (behind: below zero): it lies between the two. Milliseconds. */
export interface Skew {
  least: number
  most: number
}

/** Ages and latencies are then wrong by so much. Milliseconds. */
const TOLERABLE_MS = 5_000

/** Said only where it is certain: what lies between the two bounds may be the way of an answer. */
export function judgeClock(which: string, other: string, { least, most }: Skew): Finding[] {
  const off = least > 0 ? least : most < 0 ? most : 0
  if (Math.abs(off) <= TOLERABLE_MS) return [info('clocks', `${which} agrees with ${other}.`)]
  const what = `${which} is ${duration(off)} ${off > 0 ? 'ahead of' : 'behind'} ${other}.`
  const todo = 'Keep both in step (NTP, chrony).'
  return [
    Math.abs(off) > MAX_CLOCK_SKEW_MS
      ? error('clocks', `${what} Exits that seem to lie more than five minutes in the future are not taken.`, todo)
      : warning('clocks', what, todo),
  ]
}
