/** Everything about one dead letter, for a program: bytes as hexadecimal digits, and as text. */
import type { DissectedField, DissectedValue } from '../../core/codec/dissect-value.ts'
import type { LogRecord } from '../../core/log/log.ts'
import { timeText } from '../../domain/time.ts'
import type { DescribedLetter } from './describe-dead-letter.ts'
import { adviceOn } from './reject-advice.ts'

export type DeadLetterJson = ReturnType<typeof deadLetterJson>

export function deadLetterJson(topic: string, { record, value, ...described }: DescribedLetter) {
  return {
    topic,
    ...described.letter,
    ...adviceOn(described.letter.reason),
    refusals: described.refusals,
    history: described.history,
    copies: described.copies,
    record: record && {
      from: record.from,
      incomplete: record.incomplete,
      time: timeText(record.timestamp),
      key: record.key && bytesJson(record.key),
      headers: headerList(record.headers).map((h) => ({ name: h.name, ...bytesJson(h.value) })),
      value: record.value && { ...bytesJson(record.value), ...valueJson(record.value, value) },
    },
  }
}

/** A name that occurs several times is there as often. */
export function headerList(headers: LogRecord['headers']): { name: string; value: Buffer }[] {
  return Object.entries(headers).flatMap(([name, value]) =>
    [value ?? ''].flat().map((one) => ({ name, value: Buffer.isBuffer(one) ? one : Buffer.from(one ?? '') })),
  )
}

const bytesJson = (bytes: Buffer) => ({ bytes: bytes.length, hex: bytes.toString('hex'), text: bytes.toString() })

function valueJson(value: Buffer, dissected: DissectedValue) {
  if (dissected.format !== 'avro') return dissected
  const { fields, end, ...rest } = dissected
  return {
    ...rest,
    fields: fields.map((f) => ({ ...f, value: fieldJson(f.value) })),
    rest_at: end,
    rest: value.toString('hex', end),
  }
}

/** JSON has no NaN, no number beyond 2^53, and no bytes: they are there as texts. */
function fieldJson(value: DissectedField['value']) {
  if (Buffer.isBuffer(value)) return value.toString('hex')
  const isPlain = typeof value !== 'bigint' && (typeof value !== 'number' || Number.isFinite(value))
  return isPlain ? value : String(value)
}
