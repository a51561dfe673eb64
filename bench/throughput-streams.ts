/** One measurement of Kafka Streams: from its first record to the last one aggregated. The transaction that holds that one is not waited for. */
import type { Bench } from './context.ts'
import { cpuOf, differences } from './cpu.ts'
import type { Cardinality } from './generate.ts'
import { runStreamsPeer, type StreamsOptions, type StreamsPeer } from './peers/kafka-streams.ts'
import type { Cpu, Measurement } from './rate.ts'
import { topicOf, WARM_UP_TOPIC, warmUpEvents } from './topics.ts'

export async function measureStreams(
  { options, kafka }: Bench,
  peer: StreamsPeer,
  settings: StreamsOptions,
  cardinality: Cardinality,
): Promise<Measurement> {
  const topic = topicOf(cardinality)
  const seen: Record<string, Cpu> = {}
  const runs = await runStreamsPeer(
    peer,
    kafka.brokers,
    settings,
    [
      { topic: WARM_UP_TOPIC, events: warmUpEvents(options.events) },
      { topic, events: options.events },
    ],
    (pid, of, what) => {
      if (of === topic) seen[what] = cpuOf({ streams: pid, kafka: kafka.pid })
    },
  )
  const run = runs.find((r) => r.topic === topic)!
  return { seconds: run.seconds, cpu: differences(seen.done ?? {}, seen.started ?? {}), outcome: run.result }
}
