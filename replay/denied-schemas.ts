/** Schemas that the registry denied while a log was read: it may have lagged behind, and know them later. */
import { type Codec, DecodeError, isSchemaUnknown } from '../core/codec/codec.ts'
import type { LogRecord } from '../core/log/log.ts'

/** Garbage has ids without end: of so many the oldest are forgotten. */
const MOST = 10_000
/** Each is a question: so many at a time, in turns. */
const AT_A_TIME = 100
/** Magic byte, id, and the first byte of a body: enough to ask after the schema. */
const HEAD = 6

export interface DeniedSchemas {
  /** A record whose schema was denied. */
  note(record: Pick<LogRecord, 'value'>): void
  /** Whether the registry knows one of them now. False as well where it does not answer, or once `stop` is aborted. */
  turnedUp(stop: AbortSignal): Promise<boolean>
}

export function createDeniedSchemas(codec: Pick<Codec, 'decode'>): DeniedSchemas {
  /** Who was not asked after for longest is the first. */
  const heads = new Map<string, Buffer>()

  async function answer(head: Buffer): Promise<'known' | 'denied' | 'none'> {
    try {
      await codec.decode(head)
      return 'known'
    } catch (error) {
      if (error instanceof DecodeError) return error.reason === 'unknown_schema' ? 'denied' : 'known'
      return isSchemaUnknown(error) ? 'denied' : 'none'
    }
  }

  async function ask(stop: AbortSignal): Promise<boolean> {
    for (const [id, head] of [...heads].slice(0, AT_A_TIME)) {
      if (stop.aborted) return false
      heads.delete(id)
      heads.set(id, head)
      const said = await answer(head)
      // Each question to a registry that is away takes seconds: the others would get no answer either.
      if (said !== 'denied') return said === 'known'
    }
    return false
  }

  return {
    note({ value }) {
      if (value === null || value.length < HEAD) return
      const head = Buffer.from(value.subarray(0, HEAD)) // a slice would keep its whole fetch
      const id = head.toString('hex', 0, HEAD - 1)
      if (heads.size === MOST && !heads.has(id)) heads.delete(heads.keys().next().value!)
      heads.set(id, head)
    },
    async turnedUp(stop) {
      const { promise: stopped, resolve } = Promise.withResolvers<false>()
      const giveUp = () => resolve(false)
      stop.addEventListener('abort', giveUp, { once: true })
      try {
        return await Promise.race([ask(stop), stopped])
      } finally {
        stop.removeEventListener('abort', giveUp)
      }
    },
  }
}
