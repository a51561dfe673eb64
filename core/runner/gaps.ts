/**
 * A gap in the log (aborted transactions, control records) with nothing behind it: there is nothing to apply, but the checkpoint moves past it. Otherwise
 * whoever waits for it to reach the end waits for the next record. What does not succeed is asked for again; a claim that is not ours any more
 * is given up: the next batch claims anew, or, where none comes, the watch (core/lag/consumer-watch.ts).
 */
import { systemIds } from '../ids.ts'
import type { BatchControl, LogGap } from '../log/log.ts'
import { wentBack } from './checkpoints.ts'
import type { Claim } from './chunk-processor.ts'
import { backoff, isTransient } from './retry.ts'
import type { RunnerOptions } from './runner-options.ts'
import type { Slot } from './slots.ts'

type Outcome = 'done' | 'again' | 'leave'

/** What it returns is called in the slot's turn. */
export function createGapPasser({
  consumer,
  topic,
  processor,
  checkpoints,
  clock,
  ids = systemIds,
  events = {},
}: Pick<RunnerOptions, 'consumer' | 'topic' | 'checkpoints' | 'processor' | 'clock' | 'ids' | 'events'>) {
  async function advance(slot: Slot, claim: Claim, next: number): Promise<Outcome> {
    try {
      const { status } = await processor.apply(claim, { records: [], next, replay: false, commitId: ids.uuid() })
      if (status === 'fenced') return 'leave'
      if (status === 'ok') {
        claim.version++
        claim.checkpoint = next
        return 'done'
      }
      processor.forget(claim)
      const now = await checkpoints.read({ consumer, topic, partition: claim.partition })
      if (now?.epoch !== claim.epoch) return 'leave'
      if (wentBack(claim.checkpoint, now.checkpoint)) {
        slot.claim = null // the next batch claims anew, and reads from there
        return 'again'
      }
      claim.version = now.version
      claim.checkpoint = now.checkpoint
      return 'again'
    } catch (error) {
      if (!isTransient(error)) throw error
      slot.failure = error.message
      return 'again'
    }
  }

  return async (slot: Slot, gap: LogGap, control: Omit<BatchControl, 'heartbeat'>): Promise<void> => {
    const { claim } = slot
    const { partition, from, next } = gap
    if (!claim || !control.isActive() || slot.cursor >= next) return
    if (slot.cursor < from) {
      // the log went on from elsewhere, and with nothing behind the gap no batch would show it
      if (slot.gapSoughtFrom === slot.cursor) return
      slot.gapSoughtFrom = slot.cursor
      return control.seek(slot.cursor)
    }
    if (claim.checkpoint === null || claim.checkpoint < next) {
      const outcome = await advance(slot, claim, next)
      if (outcome === 'leave') {
        slot.claim = null // the next batch claims anew, or, where none comes, the watch
        return
      }
      if (outcome === 'again') {
        await clock.sleep(backoff(slot.failures++))
        if (control.isActive()) control.seek(slot.cursor)
        return
      }
    }
    slot.cursor = next
    slot.failures = 0
    slot.failure = null
    events.committed?.({ partition, records: [], next, highWatermark: next, ms: 0 })
    await control.commitOffset(next)
  }
}
