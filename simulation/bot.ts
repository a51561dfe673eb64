/** A bot that keeps its own positions: posts each closed trade, corrects and retracts some of them, and posts now and then again what it has posted before. */
import { type Posted, postTrade } from '../services/pm/post-trade.ts'
import type { Asking } from './asking.ts'
import type { PlannedPost, PlannedTrade } from './planned.ts'
import type { World } from './world.ts'

export interface Bot {
  /** Those of which every revision was answered. */
  done: Set<PlannedPost>
  /** What a PM said of each of them, in order. */
  told: Map<PlannedPost, Posted[]>
}

export function startBot({ plan }: World, { insist, sleep }: Asking): Bot {
  const bot: Bot = { done: new Set(), told: new Map(plan.posts.map((post) => [post, []])) }

  async function run(post: PlannedPost): Promise<void> {
    const { trade, revisions } = post
    await sleep(trade.begins)
    for (const [revision, { again }] of revisions.entries())
      for (const one of [revision, ...again]) {
        const body = bodyOf(post, one)
        const posted = await insist(`post ${trade.position_id} ${one}`, (pm) => postTrade(pm, body))
        bot.told.get(post)!.push(posted)
        await sleep(trade.pause)
      }
    bot.done.add(post)
  }

  for (const post of plan.posts) void run(post)
  return bot
}

function bodyOf({ trade, rr, revisions }: PlannedPost, revision: number) {
  const { exit_price, voided } = revisions[revision]!
  return {
    ...timesOf(trade),
    id: trade.position_id,
    symbol: 'T',
    token_contract: `0x${trade.position_id}`,
    chain: 'base',
    side: trade.side,
    timeframe: trade.timeframe,
    entry_price: trade.executions[0]!.price,
    exit_price,
    entry_context: trade.context,
    rr,
    ...(revision === 0 ? {} : { revision }),
    ...(voided ? { voided } : {}),
  }
}

function timesOf({ executions }: PlannedTrade) {
  const [entry, exit] = [executions[0]!, executions.at(-1)!]
  return { opened_at: new Date(entry.at!).toISOString(), closed_at: new Date(exit.at!).toISOString() }
}
