/** A closed trade that a bot posts: scored, into the outbox, once. It needs no position here. */
import { SpanStatusCode, trace } from '@opentelemetry/api'
import { StrandlineError } from '../../core/errors.ts'
import { shippedModels } from '../../core/load-model.ts'
import type { KnownEvent } from '../../core/store/outbox-store.ts'
import { eventId } from '../../domain/event.ts'
import { canonicalId } from '../../domain/foreign/canonical-id.ts'
import { parseTrade, scorePosted, type TradeBody } from '../../domain/foreign/posted-trade.ts'
import { MAX_CLOCK_SKEW_MS } from '../../domain/validation.ts'
import { readBars } from './bars.ts'
import { claimOf, type Portfolio } from './portfolio.ts'
import { spanTraceparent } from './trace-context.ts'

export interface Posted {
  /** 'known': it was posted before, or the log has it from elsewhere; nothing was counted again. */
  status: 'posted' | 'known'
  event_id: string
  /** Its newest revision. */
  event: KnownEvent
}

const tracer = trace.getTracer('strandline')

/**
 * @param body whose fields are of the types that the schema asks for
 * Errors: TRADE_INVALID, TRADE_CONFLICT (nothing changed), STORE_UNREACHABLE (post it again: the same is taken once).
 */
export function postTrade(pm: Portfolio, body: TradeBody): Promise<Posted> {
  return tracer.startActiveSpan('pm.post', async (span) => {
    try {
      return await post(pm, body, spanTraceparent(span))
    } catch (error) {
      span.setStatus({ code: SpanStatusCode.ERROR })
      throw error
    } finally {
      span.end()
    }
  })
}

async function post(pm: Portfolio, body: TradeBody, traceparent: string | null): Promise<Posted> {
  const trade = parseTrade(body, shippedModels())
  const { event, awaits } = scorePosted(trade, await readBars(pm.bars, trade.event))
  const { side, revision, request } = trade
  const answer = await pm.posted.post(
    { event, revision, request, side, awaits, max_skew_ms: MAX_CLOCK_SKEW_MS, traceparent },
    claimOf(pm),
  )
  const name = body.id ?? `${body.position_id} ${body.trade_id}`
  switch (answer.status) {
    case 'posted':
      pm.relay?.offer(answer.outbox)
      if (answer.event.revision === 0)
        pm.metrics?.closes.inc({ timeframe: event.timeframe, by: 'post', scored: String(event.rr !== null) })
      pm.logger.info(
        {
          position_id: event.position_id,
          event_id: answer.event.event_id,
          rr: event.rr,
          revision: answer.event.revision,
        },
        'trade posted',
      )
      return { status: 'posted', event_id: answer.event.event_id, event: answer.event }
    case 'known':
      return { status: 'known', event_id: answer.event?.event_id ?? event.event_id, event: answer.event ?? event }
    case 'conflict':
      if (answer.event && answer.event.event_id !== event.event_id)
        throw conflict(
          `The log has a trade of the same entry as ${name} without an id, or with one, whose exit is within ten minutes of it, and other content: ${answer.event.event_id}.`,
          `If it is this trade, correct it with a revision above ${revision}; another one needs a position_id of its own. Nothing was changed.`,
        )
      throw conflict(
        `The trade ${name} was posted before with other content.`,
        `To correct it, give a revision above ${revision}; another trade needs an id of its own. Nothing was changed.`,
      )
    case 'older':
      throw conflict(
        `The trade ${name} has been corrected since: its revision ${answer.newest} is known, this is ${revision}.`,
        `To correct it again, give revision ${answer.newest + 1}. Nothing was changed.`,
      )
    case 'voided':
      throw conflict(
        `The trade ${name} is retracted.`,
        'A retracted trade stays so: post what takes its place under a position_id and a trade_id of its own. Nothing was changed.',
      )
    case 'unknown':
      throw conflict(`There is no trade ${name} that could be retracted.`, 'Look at its id. Nothing was changed.')
    case 'in_future':
      throw new StrandlineError(
        'TRADE_INVALID',
        `The trade's closed_at, ${iso(event.closed_at)}, lies in the future; by the database's clock it is ${iso(answer.now)}.`,
        { todo: 'Check the clock of whoever posts it, then that of the database; nothing was recorded.' },
      )
  }
}

/** By its event_id, or by the id that a bot gave it. Errors: EVENT_UNKNOWN. */
export async function readTrade({ posted }: Pick<Portfolio, 'posted'>, id: string): Promise<KnownEvent> {
  const found = (await posted.event(id)) ?? (await posted.event(eventId(canonicalId(id), canonicalId(id))))
  if (found) return found
  throw new StrandlineError('EVENT_UNKNOWN', `There is no trade ${id}.`, {
    todo: 'Give the event_id of the answer that closed it, or the id that it was posted under.',
  })
}

const conflict = (message: string, todo: string) => new StrandlineError('TRADE_CONFLICT', message, { todo })
const iso = (ms: number) => new Date(ms).toISOString()
