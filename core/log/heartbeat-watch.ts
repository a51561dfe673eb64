/**
 * Notices a member that its group has dropped and that has not heard of it. kafkajs 2.2.4 forgets its member id when the broker does not know it, and joins
 * anew; where that fails with anything but a rebalance (a coordinator that is still loading), it goes on fetching without an id, and then sends no heartbeat
 * any more: it reads for ever, outside of its group (consumer/runner.js, scheduleFetchManager).
 */
const LOOK_MS = 5_000
/** Looks in a row without a heartbeat: longer than a request waits for its answer (30 s), so that kafkajs itself may find out first. A frozen process does not look. */
const SILENT_LOOKS = 8

export interface HeartbeatWatch {
  /** A heartbeat was answered, or the group was joined. */
  heard(): void
  stop(): void
}

/** @param isMember it takes itself for one @param dropped called when it is silent all the same */
export function watchHeartbeats(isMember: () => boolean, dropped: () => void): HeartbeatWatch {
  let silent = 0
  const looking = setInterval(() => {
    silent = isMember() ? silent + 1 : 0
    if (silent < SILENT_LOOKS) return
    silent = 0
    dropped()
  }, LOOK_MS)
  looking.unref()
  return {
    heard() {
      silent = 0
    },
    stop: () => clearInterval(looking),
  }
}
