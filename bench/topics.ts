/** The topics of the benchmark. */
import type { Bench } from './context.ts'
import { environment } from './context.ts'
import type { Cardinality } from './generate.ts'
import { startWorker } from './worker.ts'
import type { ProduceTask } from './workers/producer.ts'

export const WARM_UP_TOPIC = 'bench.warm-up'
export const topicOf = (cardinality: Cardinality) => `bench.${cardinality}`
export const CARDINALITIES: Cardinality[] = ['few', 'distinct']

/** Events of the warm-up topic, half of each cardinality. */
export const warmUpEvents = (events: number) => 2 * Math.ceil(Math.min(events, 100_000) / 2)

/** Fills the topics: one of each cardinality, and the warm-up. Resolves to the mean size of a value in bytes. */
export async function produceTopics({ options, kafka, progress }: Bench): Promise<number> {
  const { events, partitions, headers } = options
  const producer = startWorker('producer', environment(kafka))
  try {
    const produce = (topic: string, parts: ProduceTask['parts']) =>
      producer.ask<{ events: number; bytes: number }>('produce', { topic, partitions, parts, headers })
    const half = warmUpEvents(events) / 2
    progress('writing the topics')
    await produce(
      WARM_UP_TOPIC,
      CARDINALITIES.map((cardinality, i) => ({ cardinality, count: half, seed: 11 + i })),
    )
    let bytes = 0
    for (const [i, cardinality] of CARDINALITIES.entries()) {
      const written = await produce(topicOf(cardinality), [{ cardinality, count: events, seed: 1 + i }])
      bytes += written.bytes / written.events / CARDINALITIES.length
      progress(`${topicOf(cardinality)}: ${written.events} events`)
    }
    return bytes
  } finally {
    await producer.stop()
  }
}
