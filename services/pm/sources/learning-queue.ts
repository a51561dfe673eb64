/**
 * The bridge: drains learning_queue, where a trigger puts every new strand. A position_closed strand that somebody else inserted becomes an
 * event through the outbox; what our own projector wrote is no news.
 */
import { explain, findStrandlineError, StrandlineError } from '../../../core/errors.ts'
import type { Liveness } from '../../../core/liveness.ts'
import { beatingStore } from '../../../core/store/beating-store.ts'
import { MAX_CLOCK_SKEW_MS } from '../../../core/validation.ts'
import { strandId } from '../../projector/strand.ts'
import { sayLeftOut } from '../close-position.ts'
import { type BarRow, NO_BARS, scoreOn } from '../closing.ts'
import type { OutboxRow } from '../outbox.ts'
import { claimArgs, type Portfolio } from '../portfolio.ts'
import type { Background } from '../ticks.ts'
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
  /** The database's clock, ms. */
  now: number
}

interface Answer {
  published: OutboxRow[]
  known: number
  failed: number
  /** Rows that the database refused, with its reason: they stay pending. */
  /** `own`: it is for sure the row's own fault, and not the database's. */
  refused: [id: unknown, reason: string, own: boolean][]
}

interface Settled {
  id: unknown
  error: string | null
  event: StrandTrade['event'] | null
  /** It is no trade yet: looked at again after this. */
  wait_ms?: number
  /** Where the database refuses it, it rests, so that those behind it get their turn. */
  keep?: boolean
  own_strand?: string
  side?: StrandTrade['side']
  score_later?: boolean
}

/**
 * Settles every strand that waits. One that the database refuses is set aside for a while (strandline.set_aside), unless it refuses every one of them:
 * then it is the database.
 * Errors: STORE_UNREACHABLE (what was settled is, the rest is tried again), STORE_REJECTED.
 */
export async function drainLearningQueue(pm: Portfolio): Promise<Drained> {
  const total: Drained = { published: 0, known: 0, failed: 0 }
  for (;;) {
    const queued = await pm.store.rpc<Queued[]>('strandline_pm_bridge_next', { p_limit: PAGE })
    if (queued.length === 0) return total
    const results: Settled[] = []
    for (const row of queued) results.push(await settle(pm, row))
    const answer = await settleRows(pm, results)
    for (const row of answer.published) pm.relay?.offer(row)
    total.published += answer.published.length
    total.known += answer.known
    total.failed += answer.failed
    pm.metrics?.bridged.inc({ outcome: 'published' }, answer.published.length)
    pm.metrics?.bridged.inc({ outcome: 'known' }, answer.known)
    pm.metrics?.bridged.inc({ outcome: 'failed' }, answer.failed)
    pm.metrics?.bridged.inc({ outcome: 'refused' }, answer.refused.length)
    for (const [id, reason] of answer.refused)
      pm.logger.warn(
        { queue_id: id },
        `A strand of the learning queue could not be taken, and is tried again: ${reason}`,
      )
  }
}

async function settleRows(pm: Portfolio, results: Settled[]): Promise<Answer> {
  const settleAll = (rows: Settled[]) =>
    pm.store.rpc<Answer>('strandline_pm_bridge_settle', { p_results: JSON.stringify(rows), ...claimArgs(pm) })
  const answer = await settleAll(results)
  if (answer.refused.length === 0) return answer
  const took = answer.refused.length < results.length
  const [, reason] = answer.refused[0]!
  // A page full of them could be followed by one that is all right.
  if (!took && results.length < PAGE && answer.refused.some(([, , own]) => !own))
    throw new StrandlineError('STORE_REJECTED', `The database refused strandline_pm_bridge_settle(): ${reason}.`)
  const ids = new Set(answer.refused.map(([id]) => id))
  const again = await settleAll(results.filter((r) => ids.has(r.id)).map((r) => ({ ...r, keep: true })))
  return {
    published: [...answer.published, ...again.published],
    known: answer.known + again.known,
    failed: answer.failed + again.failed,
    refused: again.refused,
  }
}

async function settle(pm: Portfolio, { id, strand, now }: Queued): Promise<Settled> {
  let trade: StrandTrade
  try {
    trade = tradeOfStrand(strand, { now })
  } catch (error) {
    return refused(pm, id, strand, error)
  }
  const ahead = trade.event.closed_at - now - MAX_CLOCK_SKEW_MS
  if (ahead > 0) {
    const reason = `The exit of the strand lies in the future (${iso(trade.event.closed_at)}; by the database's clock it is ${iso(now)}). It is taken once that time has come.`
    pm.logger.warn({ strand_id: strand.id }, reason)
    return { id, error: reason, event: null, wait_ms: ahead + 1_000 }
  }
  if (trade.event.left_out) sayLeftOut(pm, trade.event)
  const { event, side, unscored } = trade
  const settled: Settled = { id, error: null, event, side, own_strand: strandId(event.event_id), score_later: false }
  if (!unscored) return settled
  const bars = await pm.store.rpc<BarRow[]>('strandline_pm_bars', {
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

const iso = (ms: number) => new Date(ms).toISOString()

function refused(pm: Portfolio, id: unknown, strand: ForeignStrand, error: unknown): Settled {
  if (!findStrandlineError(error)) pm.logger.error({ err: error, strand_id: strand.id }, 'a strand could not be read')
  pm.logger.warn({ strand_id: strand.id }, `A strand of the learning queue is no trade: ${explain(error)}`)
  return { id, error: explain(error).toWellFormed().slice(0, 1_000), event: null }
}

/** Drains the queue again and again. */
export function startBridge(pm: Portfolio, pollMs = 1_000, liveness?: Liveness): Background {
  const stopping = new AbortController()
  const beats = liveness?.loop('The bridge')
  const beating = { ...pm, store: beatingStore(pm.store, beats) }
  let since: string | undefined
  let reason = ''
  const loop = (async () => {
    while (!stopping.signal.aborted) {
      beats?.beat()
      try {
        await drainLearningQueue(beating)
        since = undefined
      } catch (err) {
        if (since === undefined) pm.logger.warn({ err }, `The learning queue was not drained: ${explain(err)}`)
        since ??= iso(pm.clock.now())
        reason = explain(err)
      }
      await pm.clock.sleep(pollMs, stopping.signal)
    }
  })()
  liveness?.keeps('The bridge', loop, stopping.signal)
  return {
    failure: () =>
      since === undefined ? undefined : `The bridge from learning_queue has failed since ${since}: ${reason}`,
    async stop() {
      stopping.abort()
      await loop
    },
  }
}
