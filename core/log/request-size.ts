/** What travels in one request: records in their order, cut before it grows too large for a broker. */
import type { OutgoingRecord } from './log.ts'

/** Most bytes of one request: below 1,048,588, with room for what our estimate leaves out. */
const REQUEST_BYTES = 900_000
/** Lengths, timestamp and offset of one record, and of one header, at most. */
const RECORD_OVERHEAD = 40
const HEADER_OVERHEAD = 10

/** A large item is a request of its own. */
export function requestsOf<T extends { bytes: number }>(items: readonly T[]): T[][] {
  const requests: T[][] = []
  let bytes = 0
  let alone = true
  for (const item of items) {
    const large = item.bytes > REQUEST_BYTES / 2
    if (alone || large || bytes + item.bytes > REQUEST_BYTES) {
      requests.push([])
      bytes = 0
    }
    requests.at(-1)!.push(item)
    bytes += item.bytes
    alone = large
  }
  return requests
}

/** At most, as a broker counts them. */
export function bytesOf({ key, value, headers = {} }: OutgoingRecord): number {
  const size = (v: string | Buffer | null) => (v === null ? 0 : Buffer.byteLength(v))
  let bytes = RECORD_OVERHEAD + size(key) + size(value)
  for (const [name, header] of Object.entries(headers))
    for (const v of Array.isArray(header) ? header : [header]) bytes += HEADER_OVERHEAD + size(name) + size(v)
  return bytes
}
