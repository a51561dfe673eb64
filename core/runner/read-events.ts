/** Records of a chunk to events: decoded, checked, refused with a reason, or put off. The same for every consumer of the topic. */
import type { Rejection } from '../../domain/validation.ts'
import { DecodeError, isSchemaUnknown } from '../codec/codec.ts'
import type { Decode } from '../codec/decoder.ts'
import type { LogRecord } from '../log/log.ts'
import type { Waits } from './chunk-processor.ts'

/** A record that can never be applied. */
export interface Refused extends Rejection {
  record: LogRecord
}

/** Why the event of a record must not be applied, or null (checkEvent). */
export type Check<Event> = (event: Event, key: Buffer | null, recordTime: number) => Rejection | null

/**
 * Hands every event that is good to `accept`, in the log's order. Decoders may fill the same event again: what `accept` keeps, it copies.
 * Resolves to what must be refused; to `waits` where the schema of a record may still turn up: then nothing of the chunk is to be applied.
 * Errors: REGISTRY_UNREACHABLE, REGISTRY_REJECTED.
 */
export async function readEvents<Event>(
  decode: Decode<Event>,
  records: readonly LogRecord[],
  check: Check<Event>,
  accept: (event: Event, record: LogRecord) => void,
): Promise<Refused[] | Waits> {
  const refused: Refused[] = []
  let waits: Waits | undefined
  for (const record of records) {
    if (record.unreadable !== undefined) {
      refused.push({ record, reason: 'batch_too_large', detail: record.unreadable })
      continue
    }
    let event: Event
    try {
      const decoded = decode(record.value, record.timestamp)
      event = decoded instanceof Promise ? await decoded : decoded
    } catch (error) {
      if (isSchemaUnknown(error)) {
        // what else is denied waits at the same time
        if (!waits) await decode.ahead?.(records.map((r) => r.value))
        waits ??= { status: 'waits', offset: record.offset, error }
        continue
      }
      if (!(error instanceof DecodeError)) throw error
      refused.push({ record, reason: error.reason, detail: error.message })
      continue
    }
    const rejection = check(event, record.key, record.timestamp)
    if (rejection) refused.push({ record, ...rejection })
    else accept(event, record)
  }
  return waits ?? refused
}
