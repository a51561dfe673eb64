/** A learner folds the closed trades of an old system, without a broker. */

import { loadModel } from '../../core/load-model.ts'
import type { PositionClosed } from '../../domain/event.ts'
import type { OldDatabase } from '../legacy/old-database.ts'
import { closedTrade } from '../support/closed-trade.ts'
import { createFeed, recordsOf } from '../support/feed.ts'
import { createTestLearner, encodeEvent, TOPIC } from '../support/learner.ts'

export const CURATORS = ['moonboy', '0xdetweiler', 'newcomer'] as const

/** The events, in the order of the log: each trade with one of the curators by turns, every second on base. */
export const eventsOf = (old: OldDatabase): PositionClosed[] =>
  old.trades
    .filter((t) => t.usable)
    .map((t, i) =>
      closedTrade({
        position_id: t.position_id,
        trade_id: t.trade_id,
        closed_at: t.closed_at,
        rr: t.rr,
        timeframe: '1h',
        levers: { curator: CURATORS[i % 3]!, chain: i % 2 ? 'solana' : 'base' },
        measures: {},
      }),
    )

export async function learn(old: OldDatabase, events = eventsOf(old)): Promise<void> {
  const { runner } = await createTestLearner({ store: await old.store(), model: loadModel('lowcap-v4') })
  await createFeed(TOPIC, 0, recordsOf(events.map((e) => ({ key: e.position_id, value: encodeEvent(e) })))).run(runner)
}
