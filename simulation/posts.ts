/** What a bot posts: closed trades, and what it says of them later. */
import type { PlannedPost, PlannedTrade } from './planned.ts'
import type { Stream } from './streams.ts'

/** @param tradeOf a trade of this name whose executions have their times */
export function postsOf(chance: Stream, tradeOf: (name: string) => PlannedTrade): PlannedPost[] {
  return Array.from({ length: chance.between(0, 4) }, (_, n) => postOf(chance, tradeOf(`post-${n}`)))
}

function postOf(chance: Stream, made: PlannedTrade): PlannedPost {
  // what it says of the R/R holds where there are no bars; with both it would depend on which of them came first
  const rr = chance.chance(0.4) ? Math.round(chance.next() * 1_000 - 400) / 100 : null
  const trade = rr === null ? made : { ...made, bars: [], bars_at: null }
  const exit = trade.executions.at(-1)!.price
  const count = chance.pick([1, 1, 2, 3])
  const retracted = count > 1 && chance.chance(0.4)
  return {
    trade,
    rr,
    revisions: Array.from({ length: count }, (_, revision) => ({
      exit_price: exit * (1 + revision / 50),
      voided: retracted && revision === count - 1,
      again: chance.chance(0.4) ? [chance.between(0, revision)] : [],
    })),
  }
}
