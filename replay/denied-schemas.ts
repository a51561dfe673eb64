/** Schemas that the registry denied while a log was read: it may have lagged behind, and know them later. */
import { LRUCache } from 'lru-cache'
import { type Codec, DecodeError } from '../core/codec/codec.ts'
import type { LogRecord } from '../core/log/log.ts'

/** Garbage has ids without end, and each is a question: the newest are asked after. */
const MOST = 100
/** Magic byte, id, and the first byte of a body: enough to ask after the schema. */
const HEAD = 6

export interface DeniedSchemas {
  /** A record whose schema was denied. */
  note(record: Pick<LogRecord, 'value'>): void
  /** Whether the registry knows one of them now. */
  turnedUp(): Promise<boolean>
}

export function createDeniedSchemas(codec: Pick<Codec, 'decode'>): DeniedSchemas {
  const heads = new LRUCache<string, Buffer>({ max: MOST })

  async function isKnown(head: Buffer): Promise<boolean> {
    try {
      await codec.decode(head)
      return true
    } catch (error) {
      return error instanceof DecodeError && error.reason !== 'unknown_schema'
    }
  }

  return {
    note({ value }) {
      if (value === null || value.length < HEAD) return
      const head = Buffer.from(value.subarray(0, HEAD)) // a slice would keep its whole fetch
      heads.set(head.toString('hex', 0, HEAD - 1), head)
    },
    async turnedUp() {
      for (const head of heads.values()) if (await isKnown(head)) return true
      return false
    },
  }
}
