/** Events to and from the Confluent wire format: byte 0, schema id (4 bytes, big endian), Avro body. */

import type { PositionClosed } from '../../domain/event.ts'
import type { DecodeReason } from '../../domain/validation.ts'
import { StrandlineError } from '../errors.ts'

export interface Codec<Event = PositionClosed> {
  /** Registers the schema on first use (subject `<topic>-value`, FULL_TRANSITIVE). Errors: EVENT_INVALID, REGISTRY_UNREACHABLE, REGISTRY_REJECTED. */
  encode(event: Event): Promise<Buffer>
  /**
   * Errors: DecodeError for a value that can never be decoded; REGISTRY_SCHEMA_UNKNOWN, REGISTRY_UNREACHABLE otherwise.
   * @param writtenAt when the record was written, by the log: ms
   */
  decode(value: Buffer, writtenAt?: number): Promise<Event>
  /** As Decode.ahead. */
  ahead?(values: readonly (Buffer | null)[]): Promise<void>
}

/** The record's value can never be decoded, however often it is tried: it belongs in the dead-letter topic. */
export class DecodeError extends Error {
  readonly reason: DecodeReason
  constructor(reason: DecodeReason, message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause })
    this.name = 'DecodeError'
    this.reason = reason
  }
}

/** The registry denies the record's schema, and it is not certain yet that it is right: the record waits. */
export const isSchemaUnknown = (error: unknown): error is StrandlineError =>
  error instanceof StrandlineError && error.code === 'REGISTRY_SCHEMA_UNKNOWN'
