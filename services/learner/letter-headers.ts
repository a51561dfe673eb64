/** What a record in the dead-letter topic carries beside its own headers: Kafka Connect's names, and ours. */
import type { LogRecord } from '../../core/log/log.ts'

export const LETTER_HEADERS = {
  topic: '__connect.errors.topic',
  partition: '__connect.errors.partition',
  offset: '__connect.errors.offset',
  consumer: '__connect.errors.connector.name',
  task: '__connect.errors.task.id',
  stage: '__connect.errors.stage',
  class: '__connect.errors.class.name',
  reason: '__connect.errors.exception.class.name',
  detail: '__connect.errors.exception.message',
  ownReason: 'strandline.reason',
  /** Only where the record was too large: what of it is here. */
  kept: 'strandline.kept',
} as const

type Headers = LogRecord['headers']

/** The record's own headers. */
export function withoutLetterHeaders(headers: Headers): Headers {
  const ours = new Set<string>(Object.values(LETTER_HEADERS))
  return Object.fromEntries(Object.entries(headers).filter(([name]) => !ours.has(name)))
}

/** The text of a header that occurs once; undefined otherwise. */
export function headerText(headers: Headers, name: string): string | undefined {
  const value = Object.hasOwn(headers, name) ? headers[name] : undefined
  return value === undefined || value === null || Array.isArray(value) ? undefined : value.toString()
}
