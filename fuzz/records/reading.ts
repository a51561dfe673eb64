/** One record read by both ways that the services read it, the learner's and the projector's, which must agree: on the reason of a refusal, and on the trade. */
import { DecodeError, isSchemaUnknown } from '../../core/codec/codec.ts'
import type { Decode } from '../../core/codec/decoder.ts'
import { checkFlatEvent, type FlatEvent } from '../../core/codec/flat-event.ts'
import { StrandlineError } from '../../core/errors.ts'
import type { LogRecord } from '../../core/log/log.ts'
import type { PositionClosed } from '../../domain/event.ts'
import type { Model } from '../../domain/learning/model.ts'
import type { Trade } from '../../domain/learning/trade.ts'
import { tradeFrom, tradeOf } from '../../domain/learning/trade-table.ts'
import { type StrandRow, strandOf } from '../../domain/strand.ts'
import { learnedNumbersOf } from '../../domain/trade-numbers.ts'
import { checkEvent, type RejectReason } from '../../domain/validation.ts'

export interface Decoders {
  flat: Decode<FlatEvent>
  whole: Decode<PositionClosed>
}

export type Reading =
  | { reason: RejectReason }
  | { reason: null; event: PositionClosed; trade: Trade; strand: StrandRow; accepted: boolean }

/** Errors (any but a refusal): it must not happen. */
export async function readRecord(record: LogRecord, decoders: Decoders, model: Model): Promise<Reading> {
  const flat = await outcome(decoders.flat, record, (event) => ({
    reason: checkFlatEvent(event, record.key, record.timestamp)?.reason ?? null,
    accepted: model.accepts(event.source),
    trade: tradeFrom(model, event, 0, record.offset),
    numbers: learnedNumbersOf(event),
  }))
  const whole = await outcome(decoders.whole, record, (event) => ({
    reason: checkEvent(event, record.key, record.timestamp)?.reason ?? null,
    event,
  }))
  if (flat.reason !== whole.reason)
    throw new Error(`the learner says ${flat.reason ?? 'good'}, the projector ${whole.reason ?? 'good'}`)
  if (whole.reason !== null || !('event' in whole) || !('trade' in flat))
    return { reason: whole.reason as RejectReason }
  const { event } = whole
  const trade = tradeOf(model, event, 0, record.offset)
  const [one, other] = [
    JSON.stringify({ ...flat.trade, ...flat.numbers }),
    JSON.stringify({ ...trade, ...learnedNumbersOf(event) }),
  ]
  if (one !== other) throw new Error(`the learner reads the trade ${one}, the projector ${other}`)
  const strand = strandOf(event, { topic: 't', partition: 0, offset: record.offset })
  return { reason: null, event, trade, strand, accepted: flat.accepted }
}

async function outcome<Event, Found extends { reason: RejectReason | null }>(
  decode: Decode<Event>,
  record: LogRecord,
  found: (event: Event) => Found,
): Promise<Found | { reason: RejectReason }> {
  for (let tries = 0; ; tries++)
    try {
      const event = decode(record.value, record.timestamp)
      return found(event instanceof Promise ? await event : event)
    } catch (error) {
      if (error instanceof DecodeError) return { reason: error.reason }
      // a registry that gives no answer the first time: the services ask again
      const asksAgain =
        error instanceof StrandlineError && (error.code === 'REGISTRY_UNREACHABLE' || isSchemaUnknown(error))
      if (!asksAgain || tries > 2) throw error
    }
}
