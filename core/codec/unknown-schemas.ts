/**
 * When is a schema unknown? Not when a registry says so once: a follower may lag behind, a registry may be starting or restored. Only when it has said so
 * again and again, for minutes. Until then the record waits, and so does what lies behind it.
 *
 * Garbage has ids without end, and they must not wait minutes each. A producer registers its schema before it writes a record, so a registry that has
 * been *watched* for the whole span (it answered 40403 all the time, and nothing that it denied turned up) has had the time to hear of every schema
 * whose record was written before the watch began. So ids that are met together ripen together, and what was written before needs a few answers more,
 * not another span. Pure: times are handed in, in ms.
 */
import { LRUCache } from 'lru-cache'

export interface UnknownSchemaTimeout {
  /** For how long the registry must have denied a schema. Milliseconds. */
  afterMs: number
  /** And how often. */
  tries: number
  /** Between two questions after the same id. Milliseconds. */
  everyMs: number
}

const AFTER_MS = 120_000
const TRIES = 5
const EVERY_MS = 2_000

/** For whoever only looks and decides nothing: what the registry says now counts. */
export const AT_ONCE: UnknownSchemaTimeout = { afterMs: 0, tries: 1, everyMs: 0 }

export const unknownSchemaTimeout = (afterMs = AFTER_MS): UnknownSchemaTimeout => ({
  afterMs,
  tries: TRIES,
  everyMs: Math.min(EVERY_MS, afterMs / 10),
})

/** How long an id that was found unknown is believed to be: garbage must not become a flood of requests. */
const BELIEVED_MS = 30_000
/** More ids than all chunks in work can hold: one that is forgotten begins anew. */
const MAX_IDS = 100_000

interface Denied {
  since: number
  at: number
  times: number
}

export interface UnknownSchemas {
  /** Whether the registry is to be asked after this id now. */
  due(id: number, now: number): boolean
  /** The registry says that it does not know the id. */
  denied(id: number, now: number): void
  /** The registry knows the id. */
  found(id: number): void
  /** The registry gave no answer. */
  unanswered(): void
  /** @param writtenAt when the record was written, by the log; undefined: not known */
  verdict(id: number, now: number, writtenAt?: number): { unknown: boolean; since: number; times: number }
}

export function createUnknownSchemas({ afterMs, tries, everyMs }: UnknownSchemaTimeout): UnknownSchemas {
  let denials: LRUCache<number, Denied> | undefined
  /** Made when one is denied: it takes its room at once. */
  const ids = () => (denials ??= new LRUCache<number, Denied>({ max: MAX_IDS }))
  const forgottenMs = Math.max(afterMs, 2 * BELIEVED_MS)
  let watch: { since: number; at: number } | undefined

  /** The span counts from answer to answer: the last one must lie beyond it. */
  const ripe = (d: Denied, since: number) => d.times >= tries && d.at - since >= afterMs

  return {
    due(id, now) {
      const known = denials?.get(id)
      return !known || now - known.at >= (ripe(known, known.since) ? BELIEVED_MS : everyMs)
    },
    denied(id, now) {
      if (!watch || now - watch.at > forgottenMs) watch = { since: now, at: now }
      watch.at = now
      const known = ids().get(id)
      if (known && now - known.at <= forgottenMs) ids().set(id, { since: known.since, at: now, times: known.times + 1 })
      else ids().set(id, { since: now, at: now, times: 1 })
    },
    found(id) {
      if (denials?.delete(id)) watch = undefined // it lagged behind: whatever it denied may turn up as well
    },
    unanswered() {
      watch = undefined
    },
    verdict(id, now, writtenAt) {
      const known = denials?.get(id)
      if (!known) return { unknown: false, since: now, times: 0 }
      const before = watch !== undefined && writtenAt !== undefined && writtenAt < watch.since
      const since = before && watch ? Math.min(known.since, watch.since) : known.since
      return { unknown: ripe(known, since), since: known.since, times: known.times }
    },
  }
}
