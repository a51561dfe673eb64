/**
 * The bridge: drains learning_queue, where a trigger puts every new strand. A position_closed strand that somebody else inserted becomes an
 * event through the outbox; what our own projector wrote is no news.
 */
import { explain, findStrandlineError } from '../../../core/errors.ts'
import type { Liveness } from '../../../core/liveness.ts'
import { beatingStore } from '../../../core/store/beating-store.ts'
import { strandId } from '../../projector/strand.ts'
import { type BarRow, NO_BARS, scoreOn } from '../closing.ts'
import type { OutboxRow } from '../outbox.ts'
import { claimArgs, type Portfolio } from '../portfolio.ts'
import { type ForeignStrand, type StrandTrade, tradeOfStrand } from './strand-event.ts'

/** Strands of one transaction. */
const PAGE = 100

export interface Drained {
  /** Trades that are new to the log. */
  published: number
  /** Trades that it had from elsewhere. */
  known: number
  failed: number
}

interface Queued {
  id: unknown
  strand: ForeignStrand
}

interface Settled {
  id: unknown
  error: string | null
  event: StrandTrade['event'] | null
  own_strand?: string
  side?: StrandTrade['side']
  score_later?: boolean
}

/** Settles every strand that waits. Errors: STORE_UNREACHABLE (what was settled is, the rest is tried again), STORE_REJECTED. */
export async function drainLearningQueue(pm: Portfolio): Promise<Drained> {
  const total: Drained = { published: 0, known: 0, failed: 0 }
  for (;;) {
    const queued = await pm.store.rpc<Queued[]>('pm_bridge_next', { p_limit: PAGE })
    if (queued.length === 0) return total
    const results: Settled[] = []
    for (const row of queued) results.push(await settle(pm, row))
    const answer = await pm.store.rpc<{ published: OutboxRow[]; known: number; failed: number }>('pm_bridge_settle', {
      p_results: JSON.stringify(results),
      ...claimArgs(pm),
    })
    for (const row of answer.published) pm.relay?.offer(row)
    total.published += answer.published.length
    total.known += answer.known
    total.failed += answer.failed
    pm.metrics?.bridged.inc({ outcome: 'published' }, answer.published.length)
    pm.metrics?.bridged.inc({ outcome: 'known' }, answer.known)
    pm.metrics?.bridged.inc({ outcome: 'failed' }, answer.failed)
  }
}

async function settle(pm: Portfolio, { id, strand }: Queued): Promise<Settled> {
  let trade: StrandTrade
  try {
    trade = tradeOfStrand(strand, pm.clock.now())
  } catch (error) {
    return refused(pm, id, strand, error)
  }
  const { event, side, unscored } = trade
  const settled: Settled = { id, error: null, event, side, own_strand: strandId(event.event_id), score_later: false }
  if (!unscored) return settled
  const bars = await pm.store.rpc<BarRow[]>('pm_bars', {
    p_contract: event.token_contract,
    p_chain: event.chain,
    p_timeframe: event.timeframe,
    p_from: new Date(event.opened_at).toISOString(),
    p_to: new Date(event.closed_at).toISOString(),
  })
  try {
    const score = scoreOn(event, side, bars)
    return { ...settled, event: { ...event, ...score }, score_later: score.unscored_reason === NO_BARS }
  } catch (error) {
    return refused(pm, id, strand, error)
  }
}

function refused(pm: Portfolio, id: unknown, strand: ForeignStrand, error: unknown): Settled {
  if (!findStrandlineError(error)) pm.logger.error({ err: error, strand_id: strand.id }, 'a strand could not be read')
  pm.logger.warn({ strand_id: strand.id }, `A strand of the learning queue is no trade: ${explain(error)}`)
  return { id, error: explain(error).slice(0, 1_000), event: null }
}

/** Drains the queue again and again. */
export function startBridge(pm: Portfolio, pollMs = 1_000, liveness?: Liveness): { stop(): Promise<void> } {
  const stopping = new AbortController()
  const beats = liveness?.loop('The bridge')
  const beating = { ...pm, store: beatingStore(pm.store, beats) }
  const loop = (async () => {
    let failing = false
    while (!stopping.signal.aborted) {
      beats?.beat()
      try {
        await drainLearningQueue(beating)
        failing = false
      } catch (err) {
        if (!failing) pm.logger.warn({ err }, `The learning queue was not drained: ${explain(err)}`)
        failing = true
      }
      await pm.clock.sleep(pollMs, stopping.signal)
    }
  })()
  liveness?.keeps('The bridge', loop, stopping.signal)
  return {
    async stop() {
      stopping.abort()
      await loop
    },
  }
}
