/**
 * The groups of a history by scope, name and key: the order in which coefficients are listed. Sorted once; what comes later is put in its place, so that a
 * moment of a hundred thousand coefficients costs no sorting. Pure.
 */
import type { Group } from '../learning/model.ts'
import { byScopeNameKey } from '../learning/offline.ts'
import { STEP } from './steps.ts'
import type { TradeHistory } from './trade-history.ts'

export interface OrderedGroups {
  groups: readonly Group[]
  /** Of each, its number in the history. */
  numbers: readonly number[]
}

export interface GroupOrder {
  /** With at least so many of the first groups. The lists are not changed later. */
  upTo(count: number): Generator<void, OrderedGroups>
}

export function createGroupOrder(history: TradeHistory): GroupOrder {
  let known: OrderedGroups = { groups: [], numbers: [] }
  return {
    *upTo(count) {
      const from = known.groups.length
      if (from >= count) return known
      const added: { group: Group; number: number }[] = []
      for (let number = from; number < count; number++) {
        if (number % STEP === 0) yield
        added.push({ group: history.group(number), number })
      }
      yield* sortInSteps(added, (a, b) => byScopeNameKey(a.group, b.group))
      // somebody else may have gone on at a `yield`: what is known covers at least as much then
      if (known.groups.length >= count) return known
      if (known.groups.length !== from) return yield* this.upTo(count)
      known = merged(known, added)
      return known
    },
  }
}

/** Runs that are sorted one at a time, and then put together two by two. */
function* sortInSteps<T>(all: T[], compare: (a: T, b: T) => number): Generator<void> {
  for (let from = 0; from < all.length; from += STEP) {
    const run = all.slice(from, from + STEP).sort(compare)
    for (const [i, one] of run.entries()) all[from + i] = one
    yield
  }
  for (let length = STEP; length < all.length; length *= 2) {
    const before = all.slice()
    for (let from = 0; from < all.length; from += 2 * length) {
      const [middle, end] = [Math.min(from + length, all.length), Math.min(from + 2 * length, all.length)]
      for (let [at, a, b] = [from, from, middle]; at < end; at++) {
        if (at % STEP === 0) yield
        all[at] = (
          b >= end || (a < middle && compare(before[a] as T, before[b] as T) <= 0) ? before[a++] : before[b++]
        ) as T
      }
    }
  }
}

function merged({ groups, numbers }: OrderedGroups, added: { group: Group; number: number }[]): OrderedGroups {
  const all: OrderedGroups & { groups: Group[]; numbers: number[] } = { groups: [], numbers: [] }
  let next = 0
  const push = (group: Group, number: number) => {
    all.groups.push(group)
    all.numbers.push(number)
  }
  for (const [i, group] of groups.entries()) {
    for (; next < added.length; next++) {
      const { group: other, number } = added[next] as { group: Group; number: number }
      if (byScopeNameKey(other, group) > 0) break
      push(other, number)
    }
    push(group, numbers[i] as number)
  }
  for (; next < added.length; next++)
    push((added[next] as { group: Group }).group, (added[next] as { number: number }).number)
  return all
}
