/** Reads a topic from its start to the end that it has now, once, without a trace in any lasting group. */
import { randomUUID } from 'node:crypto'
import type { EventLog, LogRecord } from './log.ts'

/** Resolves when every partition was read; `visit` hears each record, in the order of its partition. */
export async function readAll(
  log: EventLog,
  topic: string,
  visit: (record: LogRecord, partition: number) => void | Promise<void>,
): Promise<void> {
  const ends = new Map((await log.offsets(topic)).filter((o) => o.end > o.start).map((o) => [o.partition, o]))
  if (ends.size === 0) return
  await new Promise<void>((resolve, reject) => {
    const reached = new Map<number, number>()
    const finish = () => {
      if ([...ends].every(([p, o]) => (reached.get(p) ?? 0) >= o.end)) done.then((s) => s.stop()).then(resolve, reject)
    }
    const done = log.consume(
      { group: `strandline-read-${randomUUID()}`, topic },
      {
        assigned: async (partition) => ends.get(partition)?.start ?? null,
        revoked: async () => undefined,
        async batch(batch) {
          const end = ends.get(batch.partition)?.end ?? 0
          for (const record of batch.records) {
            if (record.offset < end && record.offset >= (reached.get(batch.partition) ?? 0))
              await visit(record, batch.partition)
          }
          reached.set(batch.partition, Math.max(reached.get(batch.partition) ?? 0, batch.nextOffset))
          finish()
        },
      },
    )
    done.catch(reject)
  })
}
