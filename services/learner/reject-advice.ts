/** Each reason for which records are refused, in words, and what one can do about it. */
import type { RejectReason } from '../../domain/validation.ts'

export interface Advice {
  /** Begins "Its …" or the like: a sentence. */
  what: string
  todo: string
}

const ANEW = 'Publish the trade anew, corrected, with the same event_id; then discard this letter.'

export const ADVICE: Record<RejectReason, Advice> = {
  empty_value: {
    what: 'The record has no value: a tombstone, or nothing at all.',
    todo: 'Discard it. It retracts nothing: ./strandline void retracts a trade.',
  },
  bad_magic: {
    what: 'Its value is no Avro in the wire format: it does not begin with byte 0. Often it is JSON.',
    todo: 'Let its producer write Avro, publish the trade anew (import jsonl takes JSON); then discard this letter.',
  },
  truncated: {
    what: 'Its value ends before the event does.',
    todo: 'Publish the trade anew from where it came: the bytes are lost. Then discard this letter.',
  },
  unknown_schema: {
    what: 'Its value names a schema that the registry does not know, or that is not one of a PositionClosed.',
    todo: 'Register the schema under this id, or name the registry of its producer; then redrive it.',
  },
  not_avro: {
    what: 'Its bytes are not what their schema says.',
    todo: 'Find out what its producer wrote, publish the trade anew; then discard this letter.',
  },
  batch_too_large: {
    what: 'It came in a compressed batch that expands beyond 64 MiB, which nobody expanded.',
    todo: 'Find out who writes such batches, publish the trades anew; then discard these letters.',
  },
  null_key: {
    what: 'The record has no key, which must be the position_id.',
    todo: 'Publish its value again with the position_id as the key; then discard this letter.',
  },
  id_invalid: { what: 'Its event_id is empty or too long.', todo: ANEW },
  text_invalid: { what: 'There is a NUL character in one of its texts.', todo: ANEW },
  revision_invalid: { what: 'Its revision is no whole number from 0 up to 2147483647.', todo: ANEW },
  rr_not_finite: { what: 'Its R/R is no finite number.', todo: ANEW },
  rr_out_of_range: { what: 'Its R/R lies beyond ±10, to which it is clamped where it is computed.', todo: ANEW },
  measure_not_finite: { what: 'One of its measures is no finite number.', todo: ANEW },
  exit_time_invalid: { what: 'Its exit is no time between 1970 and 2100.', todo: ANEW },
  exit_in_future: {
    what: 'Its exit lies more than five minutes behind the time at which the log took it in.',
    todo: "Set its producer's clock right; redrive it once the exit has passed (the copy has a time of its own).",
  },
}

/** Of a reason that an older or newer build wrote, too. */
export const adviceOn = (reason: string): Advice =>
  Object.hasOwn(ADVICE, reason)
    ? ADVICE[reason as RejectReason]
    : { what: 'This build does not know the reason.', todo: 'Look at it with the build that refused it.' }
