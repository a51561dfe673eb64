/** Waits until all that was written has been read: nothing in the outbox, and every checkpoint at the end of its partition. */
import { setTimeout as sleep } from 'node:timers/promises'
import { StrandlineError } from '../core/errors.ts'
import { type Stage, TOPIC } from './stage.ts'

const LOOK_MS = 500

/** Resolves to what is still open after `ms`; nothing when it came to rest. */
export async function settle(stage: Stage, ms: number, signal: AbortSignal): Promise<string | undefined> {
  for (const until = Date.now() + ms; ; await sleep(LOOK_MS, undefined, { signal })) {
    const open = await whatIsOpen(stage)
    if (open === undefined || Date.now() > until) return open
  }
}

/** Nothing waits in the outbox. Errors: ENGINE_FAILED after `ms`. */
export async function untilPublished(stage: Stage, ms: number, signal: AbortSignal): Promise<void> {
  for (const until = Date.now() + ms; ; await sleep(LOOK_MS, undefined, { signal })) {
    const waiting = await waitingInOutbox(stage)
    if (waiting === 0) return
    if (Date.now() > until)
      throw new StrandlineError(
        'ENGINE_FAILED',
        `${waiting} closed trades have waited in the outbox for ${ms / 1000} s.`,
      )
  }
}

async function waitingInOutbox(stage: Stage): Promise<number> {
  const [outbox] = await stage.sql<{ n: number }>(
    'select count(*)::integer as n from strandline.pm_outbox where published_at is null',
  )
  return outbox!.n
}

async function whatIsOpen(stage: Stage): Promise<string | undefined> {
  const waiting = await waitingInOutbox(stage)
  if (waiting > 0) return `${waiting} closed trades wait in the outbox`
  let ends: { partition: number; low: string; high: string }[]
  try {
    ends = await stage.admin((admin) => admin.fetchTopicOffsets(TOPIC))
  } catch (error) {
    return `Kafka does not answer (${(error as Error).message})`
  }
  const rows = await stage.sql<{ consumer: string; partition: number; checkpoint: string | null }>(
    `select consumer, partition, checkpoint from strandline.consumer_checkpoints where topic = $1`,
    [TOPIC],
  )
  for (const kind of ['learner', 'projector']) {
    const behind = ends
      .map(({ partition, high }) => {
        const row = rows.find((r) => r.partition === partition && r.consumer.split('/')[0] === kind)
        return Math.max(0, Number(high) - Number(row?.checkpoint ?? 0))
      })
      .reduce((sum, n) => sum + n, 0)
    if (behind > 0) return `the ${kind}s are ${behind} records behind`
  }
  return undefined
}
