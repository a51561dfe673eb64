/** One measurement of the reader. */
import { randomUUID } from 'node:crypto'
import { type Bench, environment } from './context.ts'
import { cpuOf, differences } from './cpu.ts'
import type { Cardinality } from './generate.ts'
import type { Measurement } from './rate.ts'
import { topicOf, WARM_UP_TOPIC, warmUpEvents } from './topics.ts'
import { startWorker } from './worker.ts'
import type { ReadResult } from './workers/reader.ts'

export async function measureReader({ options, kafka }: Bench, cardinality: Cardinality): Promise<Measurement> {
  const worker = startWorker('reader', environment(kafka))
  try {
    const read = (topic: string, events: number) =>
      worker.ask<ReadResult>('read', { topic, events, group: `bench-reader-${randomUUID()}` })
    await read(WARM_UP_TOPIC, warmUpEvents(options.events))
    const used = () => cpuOf({ reader: worker.pid, kafka: kafka.pid })
    const before = used()
    const { startedAt, endedAt } = await read(topicOf(cardinality), options.events)
    return { seconds: (endedAt - startedAt) / 1000, cpu: differences(used(), before) }
  } finally {
    await worker.stop()
  }
}
