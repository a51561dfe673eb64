/** Waits until everything that is closed is published, and everything that is in the log is applied. */
import { explain, findStrandlineError, StrandlineError } from '../../core/errors.ts'
import type { ServiceDeps } from '../../core/service.ts'
import { createTeller } from '../../core/teller.ts'
import { createAuditStore } from './audit-store.ts'
import { readCheckpoints } from './stores.ts'

const POLL_MS = 250

/**
 * Resolves to null when nothing waits any more, else, once `seconds` are over, to the sentence that says what does.
 * @param say hears every ten seconds what it waits for
 * @throws StrandlineError STILL_WAITING when an engine does not answer, and what it answers that is no answer (STORE_SCHEMA, LOG_AUTH …)
 */
export async function untilNothingWaits(
  deps: ServiceDeps,
  seconds: number,
  say: (sentence: string) => void,
): Promise<string | null> {
  const { clock } = deps
  const started = clock.now()
  let waiting: string | null = null
  const tell = createTeller(
    say,
    () => `Still waiting: ${waiting}.`,
    () => clock.now(),
  )
  for (; ; await clock.sleep(POLL_MS)) {
    waiting = await whatWaits(deps).catch((cause) => {
      throw isAway(cause) ? unseen(cause) : cause
    })
    if (waiting === null) return null
    if (clock.now() - started >= seconds * 1000) return `After ${seconds} s there still waits: ${waiting}.`
    await tell()
  }
}

/** An engine does not answer. */
export const isAway = (error: unknown) => findStrandlineError(error)?.code.endsWith('_UNREACHABLE') === true

/** Who waits gets the answer of one who waited in vain, not that of a damage. */
export const unseen = (cause: unknown): StrandlineError =>
  new StrandlineError('STILL_WAITING', `It cannot be seen what still waits. ${explain(cause)}`, { cause })

/** "3 in the outbox, 1 for the learner", or null. What nobody may read at the end of a partition (aborted transactions) waits for nothing. */
async function whatWaits({ store: database, log, config: { topic } }: ServiceDeps): Promise<string | null> {
  const store = createAuditStore(database)
  const depth = await store.outboxDepth()
  const { learner, projector } = await readCheckpoints(store, topic)
  const ranges = await log.offsets(topic) // after the checkpoints: a lag is never negative
  const lag = async (checkpoints: Map<number, number>) => {
    const from = new Map(ranges.map((r) => [r.partition, Math.max(r.start, checkpoints.get(r.partition) ?? r.start)]))
    const open = ranges.filter((r) => (from.get(r.partition) as number) < r.end)
    if (open.length === 0) return 0
    const readable = await log.timestamps(
      topic,
      new Map(open.map((r) => [r.partition, from.get(r.partition) as number])),
    )
    return open
      .filter((r) => readable.get(r.partition) !== null)
      .reduce((sum, r) => sum + r.end - (from.get(r.partition) as number), 0)
  }
  const waiting = [
    [depth, 'in the outbox'],
    [await lag(learner), 'for the learner'],
    [await lag(projector), 'for the projector'],
  ].filter(([n]) => (n as number) > 0)
  return waiting.length === 0 ? null : waiting.map(([n, what]) => `${n} ${what}`).join(', ')
}
