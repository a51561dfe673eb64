/**
 * The clock of the log, as its acknowledgements tell it. A reader refuses an exit that lies beyond its record's time, which the broker sets: so what
 * the broker's clock has not reached yet waits in the outbox, whatever the clocks of this machine and of the database say.
 * Where the topic leaves the time to producers (CreateTime), it is ours, and at least that at which the database recorded the event.
 */
import type { Clock } from '../../core/clock.ts'
import type { OutboxRow } from '../../core/store/outbox-store.ts'
import { MAX_CLOCK_SKEW_MS } from '../../domain/validation.ts'

/** What was heard counts for this long: clocks are set, and while everything waits there is no acknowledgement that would tell. Milliseconds. */
const HEARD_MS = 60_000
/** Added to a wait, so that one is enough. */
const MARGIN_MS = 1_000

export interface LogClock {
  /** The time that the row's record is given; a topic of LogAppendTime has another for it. ms */
  stamp(row: OutboxRow): number
  /** An acknowledgement came now, of a record with this time; undefined: the log does not tell. */
  heard(appendedAt: number | undefined): void
  /** Milliseconds until readers would take the row's event if it were published then; 0: now. */
  wait(row: OutboxRow): number
  /** The same of an event that was appended at that time: above 0, readers refuse it. */
  lateBy(row: OutboxRow, appendedAt: number | undefined): number
}

export function createLogClock(clock: Clock): LogClock {
  let last: { ahead: number; at: number } | undefined

  /** The database has decided that the exit is no future one when it wrote the row: a clock that is behind it must not make it one. */
  function stamp(row: OutboxRow): number {
    const own = clock.now()
    return Math.max(own, row.recorded_at ? Date.parse(row.recorded_at) : own)
  }
  function now(row: OutboxRow): number {
    const own = clock.now()
    if (last && own >= last.at && own - last.at <= HEARD_MS) return own + last.ahead
    return stamp(row)
  }
  const beyond = (row: OutboxRow, time: number) => {
    const ms = Number(row.payload?.closed_at) - time - MAX_CLOCK_SKEW_MS
    return ms > 0 ? ms + MARGIN_MS : 0
  }

  return {
    stamp,
    heard(appendedAt) {
      const at = clock.now()
      if (appendedAt !== undefined) last = { ahead: appendedAt - at, at }
    },
    wait: (row) => beyond(row, now(row)),
    lateBy: (row, appendedAt) => (appendedAt === undefined ? 0 : beyond(row, appendedAt)),
  }
}
