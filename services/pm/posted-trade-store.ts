/** Trades that a bot posts: port, and its adapter over the database's functions (…_posted_trades.sql). In memory: memory-posted-trades.ts. */

import type { KnownEvent, OutboxRow } from '../../core/store/outbox-store.ts'
import type { Store } from '../../core/store/store.ts'
import type { Side } from '../../domain/closing/rr.ts'
import type { PositionClosed } from '../../domain/event.ts'
import type { AwaitedBars } from '../../domain/foreign/posted-trade.ts'
import type { RelayClaim } from './position-store.ts'

/** A post that is scored. */
export interface ScoredPost {
  /** Its revision is what the log has not yet. */
  event: PositionClosed
  /** The bot's own count. */
  revision: number
  /** What was sent: the same again is the same post. */
  request: Record<string, unknown>
  side: Side
  /** A tick looks for bars, and scores it on all of them. */
  awaits: AwaitedBars | null
  /** An exit this far beyond the database's clock lies in the future. */
  max_skew_ms: number
  traceparent: string | null
}

export type PostAnswer =
  | { status: 'posted'; event: PositionClosed; outbox: OutboxRow }
  /** It was posted before, or somebody else brought the same trade. */
  | { status: 'known'; event: KnownEvent | null }
  /** With other content, under this revision. */
  | { status: 'conflict'; event: KnownEvent | null }
  /** `newest`: the bot's newest revision. */
  | { status: 'older'; newest: number }
  /** It was retracted, which stays so. */
  | { status: 'voided'; event: KnownEvent }
  /** There is nothing to retract. */
  | { status: 'unknown' }
  /** Of the database's clock, ms. */
  | { status: 'in_future'; now: number }

/** Errors of each: STORE_UNREACHABLE, STORE_REJECTED, STORE_SCHEMA. */
export interface PostedTradeStore {
  /** Into the outbox, once, in one transaction. */
  post(trade: ScoredPost, claim: RelayClaim): Promise<PostAnswer>
  /** The newest revision of an event; null: there is none. */
  event(eventId: string): Promise<KnownEvent | null>
}

export const createPostedTradeStore = (store: Store): PostedTradeStore => ({
  post: (trade, { relay, leaseMs }) =>
    store.rpc('strandline_pm_post_trade', { p_trade: JSON.stringify(trade), p_relay: relay, p_lease_ms: leaseMs }),
  event: (id) => store.rpc('strandline_pm_outbox_event', { p_event_id: id }),
})
