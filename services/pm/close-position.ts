/** Closing a position: score it on its bars, then one transaction, then the event is on its way. */
import { SpanStatusCode, trace } from '@opentelemetry/api'
import { StrandlineError } from '../../core/errors.ts'
import { shippedModels } from '../../core/load-model.ts'
import { type Closing, closingOf, type FlatTrade } from '../../domain/closing/closing.ts'
import type { PositionClosed } from '../../domain/event.ts'
import { overlongKeys } from '../../domain/learning/overlong-keys.ts'
import { readBars } from './bars.ts'
import { claimOf, type Portfolio } from './portfolio.ts'
import type { CloseAnswer, ScoredTrade } from './position-store.ts'
import { spanTraceparent } from './trace-context.ts'

export interface Closed {
  /** true: by this call; false: it was closed already, and this is its event. */
  now: boolean
  event: PositionClosed
}

const ATTEMPTS = 5
const tracer = trace.getTracer('strandline')

/**
 * Closes a position that holds nothing. Null: it holds something, or has no trade that is open.
 * Errors: POSITION_INVALID (a price that is none; it stays open), STORE_UNREACHABLE (it may have closed: call again), STORE_REJECTED.
 */
export async function closePosition(pm: Portfolio, positionId: string): Promise<Closed | null> {
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const flat = await pm.positions.flatTrade(positionId)
    if (!flat) return null
    const closed = await closeTrade(pm, flat, 'tick')
    if (closed) return closed
  }
  throw new StrandlineError('POSITION_INVALID', `Position ${positionId} kept changing while it was being closed.`, {
    todo: 'A tick closes it once whoever writes it is done.',
  })
}

/** Closes what was read; null when it is no longer that: read it again. Errors: as closePosition. */
export function closeTrade(pm: Portfolio, flat: FlatTrade, by: 'report' | 'tick'): Promise<Closed | null> {
  return scoreAndClose(pm, flat, by, (scored) => pm.positions.close(scored, claimOf(pm)))
}

/**
 * Scores a trade and closes it.
 * @param close the transaction; null: it came to no close
 */
export function scoreAndClose(
  pm: Portfolio,
  flat: FlatTrade,
  by: 'report' | 'tick',
  close: (scored: ScoredTrade) => Promise<CloseAnswer | null>,
): Promise<Closed | null> {
  return tracer.startActiveSpan('pm.close', async (span) => {
    const started = pm.clock.now()
    try {
      // a row that could not be read as a trade has none
      const bars = flat.bars === null ? await readBars(pm.bars, timed(flat)) : (flat.bars ?? [])
      const closing = namingLongKeys(closingOf({ ...flat, bars }))
      const { event } = closing
      span.setAttributes({ 'strandline.event_id': event.event_id, 'strandline.position_id': event.position_id })
      const { position_id, trade_id, fingerprint } = flat
      const answer = await close({ ...closing, position_id, trade_id, fingerprint, traceparent: spanTraceparent(span) })
      if (answer?.status === 'already_closed') return { now: false, event: answer.event }
      if (answer?.status !== 'closed') return null
      if (answer.outbox && pm.relay) pm.relay.offer(answer.outbox)
      pm.metrics?.closes.inc({ timeframe: event.timeframe, by, scored: String(event.rr !== null) })
      pm.metrics?.closeSeconds.observe((pm.clock.now() - started) / 1000)
      pm.logger.info(
        { position_id, event_id: event.event_id, rr: event.rr, provisional: event.provisional, by },
        'position closed',
      )
      if (event.left_out) sayLeftOut(pm, event)
      return { now: true, event: answer.outbox ? event : answer.event }
    } catch (error) {
      span.setStatus({ code: SpanStatusCode.ERROR })
      throw error
    } finally {
      span.end()
    }
  })
}

/** Only a trade with two times has bars at all. */
const timed = (flat: FlatTrade) => ({
  ...flat,
  opened_at: flat.opened_at as number,
  closed_at: flat.closed_at as number,
})

/** Keys that are too long are left out by the learner, not by us: whoever closes the trade hears it here. */
function namingLongKeys(closing: Closing): Closing {
  const keys = overlongKeys(shippedModels(), closing.event).map(({ model, name }) => `${name} of ${model}`)
  if (keys.length === 0) return closing
  const left_out = [...(closing.event.left_out ?? []), ...keys]
  return {
    ...closing,
    event: { ...closing.event, left_out },
    completed_trade: { ...closing.completed_trade, left_out },
  }
}

const warned = new WeakMap<Portfolio['logger'], Set<string>>()

/** Counted each time, said once for each field. */
export function sayLeftOut(pm: Portfolio, event: PositionClosed): void {
  const known = warned.get(pm.logger) ?? new Set()
  warned.set(pm.logger, known)
  pm.metrics?.leftOut.inc(event.left_out?.length ?? 0)
  for (const field of event.left_out ?? []) {
    if (known.has(field) || known.size >= 1_000) continue
    known.add(field)
    pm.logger.warn(
      { position_id: event.position_id, event_id: event.event_id, field },
      `A trade closed without ${field}: it is too long, or what no such field can be. The trade counts for the rest.`,
    )
  }
}
