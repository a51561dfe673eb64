/** Watches the learner's checkpoints, as a reader would see them, and tells afterwards when each event had become a coefficient. */
import pg from 'pg'
import type { Clock } from '../core/clock.ts'

export interface LatencyWatch {
  stop(): Promise<void>
  /** When the checkpoint of the partition was first seen beyond the offset; ms, undefined when never. */
  learnedAt(partition: number, offset: number): number | undefined
}

/** A reader that asks every so many milliseconds: the resolution of what is measured. */
export const POLL_MS = 5

/** Asks PostgreSQL itself: a reader that went through the API would take as much of the machine as what it watches. */
export async function watchCheckpoints(
  databaseUrl: string,
  topic: string,
  consumer: string,
  clock: Clock,
): Promise<LatencyWatch> {
  const client = new pg.Client({ connectionString: databaseUrl })
  await client.connect()
  const query = {
    name: 'checkpoints',
    text: 'select partition, checkpoint from strandline.consumer_checkpoints where consumer = $1 and topic = $2',
    values: [consumer, topic],
  }
  /** By partition: checkpoints as they rose, and when they were seen. */
  const seen = new Map<number, { checkpoint: number; at: number }[]>()
  const stopped = new AbortController()
  const done = (async () => {
    while (!stopped.signal.aborted) {
      const { rows } = await client.query<{ partition: number; checkpoint: string | null }>(query)
      const at = clock.now()
      for (const row of rows) {
        const history = seen.get(row.partition) ?? []
        const checkpoint = Number(row.checkpoint ?? 0)
        if (checkpoint > (history.at(-1)?.checkpoint ?? 0)) history.push({ checkpoint, at })
        seen.set(row.partition, history)
      }
      await clock.sleep(POLL_MS, stopped.signal)
    }
  })()
  return {
    async stop() {
      stopped.abort()
      await done
      await client.end()
    },
    learnedAt: (partition, offset) => seen.get(partition)?.find((s) => s.checkpoint > offset)?.at,
  }
}

/** The value below which the share `p` of the values lies (nearest rank); NaN of nothing. */
export function percentile(values: number[], p: number): number {
  const sorted = [...values].sort((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.max(0, Math.ceil(p * sorted.length) - 1))] ?? Number.NaN
}
