/** The learning queue, where the strands of others wait: port, and its adapter over the database's functions. */

import type { OutboxRow } from '../../../core/store/outbox-store.ts'
import type { Store } from '../../../core/store/store.ts'
import type { StrandPosition } from '../../../domain/foreign/strand-event.ts'
import type { RelayClaim } from '../position-store.ts'

export interface QueuePage {
  /** strand: JSON as text; null: it is not in ad_strands any more. ours: the projector wrote it. */
  rows: { id: string; strand_id: string; strand: string | null; ours: boolean }[]
  /** Rows that were passed over, because they failed not long ago. */
  resting: number
  /** Null where nothing was left. */
  last: string | null
  /** There may be another page. */
  more: boolean
  /** The database's clock, ms. */
  now: number
  /** Type of lowcap_positions.id. */
  position_ids: string
}

export interface Settled {
  id: string
  error: string | null
  event?: object
  /** It is no trade yet: looked at again after this. */
  wait_ms?: number
  /** Where the database refuses it, it rests, so that those behind it get their turn. */
  keep?: boolean
  side?: string
  score_later?: boolean
}

export interface SettleAnswer {
  added: number
  /** Rows of the outbox that the relay has. */
  published: OutboxRow[]
  known: number
  failed: number
  /** Rows that the database refused, with its reason: they stay pending. `own`: it is for sure the row's own fault, and not the database's. */
  refused: [id: string, reason: string, own: boolean][]
}

/** Errors of each: STORE_UNREACHABLE, STORE_REJECTED, STORE_SCHEMA. */
export interface QueueStore {
  /** What waits behind a row (null: from the first), whatever it is. Nothing is claimed. */
  page(after: string | null, limit: number): Promise<QueuePage>
  /** Settles rows in one transaction; {page}: the database refuses them as a whole, and nothing happened. */
  settle(rows: readonly Settled[], claim: RelayClaim): Promise<SettleAnswer | { page: string }>
  /** The same, each row by itself: one that the database refuses keeps no other. */
  settleEach(rows: readonly Settled[], claim: RelayClaim): Promise<SettleAnswer>
  /** What positions are of, for strands that do not say it; those that there are, by id. */
  positionFacts(ids: readonly string[]): Promise<Record<string, StrandPosition>>
}

export function createQueueStore(store: Store): QueueStore {
  const settle = (rows: readonly Settled[], { relay, leaseMs }: RelayClaim, each: boolean) =>
    store.rpc<never>('strandline_bridge_settle', {
      p_results: JSON.stringify(rows),
      p_each: each,
      p_relay: relay,
      p_lease_ms: leaseMs,
    })
  return {
    page: (after, limit) => store.rpc('strandline_bridge_page', { p_after: after, p_limit: limit }),
    settle: (rows, claim) => settle(rows, claim, false),
    settleEach: (rows, claim) => settle(rows, claim, true),
    positionFacts: (ids) => store.rpc('strandline_position_facts', { p_ids: JSON.stringify(ids) }),
  }
}
