/**
 * Events a second from the log: a reader that only fetches and decodes, the learner, and Kafka Streams, side by side.
 *
 * Each measurement is a process of its own. It first works through a warm-up topic, so that compilers and page caches do not decide, and then
 * starts cold on the topic that counts: nothing learned, empty tables, no state store, no offset. Within a round they take turns, in another order
 * each round: what else happens on the machine hits all alike.
 */
import { StrandlineError } from '../core/errors.ts'
import type { Bench } from './context.ts'
import type { Cardinality } from './generate.ts'
import type { Measurement, RunProfile } from './measurement.ts'
import { prepareStreamsPeer, STREAMS, STREAMS_LOCAL, STREAMS_SECOND } from './peers/kafka-streams.ts'
import { amount, median } from './statistics.ts'
import { measureLearner } from './throughput-learner.ts'
import { measureReader } from './throughput-reader.ts'
import { measureStreams } from './throughput-streams.ts'
import { CARDINALITIES, produceTopics } from './topics.ts'
import type { DatabaseAddress } from './workers/engines.ts'

export type Contender = 'reader' | 'learner' | 'streams' | 'streams_second' | 'streams_local'

export interface Rate {
  /** Median of the rounds. */
  events_per_s: number
  rounds: number[]
  /** Processor seconds of each process, of the round in the middle. */
  cpu_s: Record<string, number | null>
}

export interface ThroughputResult {
  /** Mean size of a value, bytes. */
  value_bytes: number
  rates: Partial<Record<Contender, Record<Cardinality, Rate>>>
  /** Why there is no row of Kafka Streams. */
  streams_missing: string | null
  /** Peak resident memory of the learner, bytes. */
  memory: Record<Cardinality, number>
  profile: Record<Cardinality, RunProfile>
}

type Measure = (cardinality: Cardinality) => Promise<Measurement>

export async function measureThroughput(bench: Bench): Promise<ThroughputResult> {
  const { options, engines, progress } = bench
  const value_bytes = await produceTopics(bench)
  const database = await engines.ask<DatabaseAddress>('database', { name: 'throughput' })
  const peer = await prepareStreamsPeer(bench.dataDir, progress)
  const contenders: [Contender, Measure][] = [
    ['reader', (c) => measureReader(bench, c)],
    ['learner', (c) => measureLearner(bench, database, c)],
  ]
  if (peer)
    contenders.push(
      ['streams', (c) => measureStreams(bench, peer, STREAMS, c)],
      ['streams_second', (c) => measureStreams(bench, peer, STREAMS_SECOND, c)],
      ['streams_local', (c) => measureStreams(bench, peer, STREAMS_LOCAL, c)],
    )
  const measured = new Map<string, Measurement[]>()
  for (let round = 0; round < options.rounds; round++)
    for (const cardinality of CARDINALITIES) {
      for (let i = 0; i < contenders.length; i++) {
        const [name, measure] = contenders[(i + round) % contenders.length] as [Contender, Measure]
        const one = await measure(cardinality)
        measured.set(`${name} ${cardinality}`, [...(measured.get(`${name} ${cardinality}`) ?? []), one])
        progress(
          `round ${round + 1} of ${options.rounds}, ${cardinality}: ${name} ${amount(options.events / one.seconds)} events/s`,
        )
      }
      checkSameResult(cardinality, measured)
    }
  const all = (name: Contender, cardinality: Cardinality) => measured.get(`${name} ${cardinality}`) ?? []
  const each = <T>(of: (cardinality: Cardinality) => T) => ({ few: of('few'), distinct: of('distinct') })
  const profile = {} as Record<Cardinality, RunProfile>
  for (const cardinality of CARDINALITIES) {
    progress(`one more learner with the profiler on, ${cardinality}`)
    profile[cardinality] = (await measureLearner(bench, database, cardinality, true)).profile as RunProfile
  }
  await engines.ask('stopDatabase', { name: 'throughput' })
  return {
    value_bytes,
    rates: Object.fromEntries(contenders.map(([name]) => [name, each((c) => rateOf(all(name, c), options.events))])),
    streams_missing: peer
      ? null
      : 'Kafka Streams is not measured: this Java has no compiler. Install a JDK (e.g. apt install default-jdk-headless).',
    memory: each((c) => Math.max(...all('learner', c).map((m) => m.peakMemory ?? 0))),
    profile,
  }
}

/** The learner's peak memory alone. */
export async function measureMemory(bench: Bench): Promise<Record<Cardinality, number>> {
  const { engines, progress } = bench
  await produceTopics(bench)
  const database = await engines.ask<DatabaseAddress>('database', { name: 'throughput' })
  const memory = {} as Record<Cardinality, number>
  for (const cardinality of CARDINALITIES) {
    progress(`the learner alone, ${cardinality}`)
    memory[cardinality] = (await measureLearner(bench, database, cardinality)).peakMemory ?? Number.NaN
  }
  await engines.ask('stopDatabase', { name: 'throughput' })
  return memory
}

export function rateOf(rounds: Measurement[], events: number): Rate {
  const rates = rounds.map((m) => events / m.seconds)
  const sorted = [...rounds].sort((a, b) => a.seconds - b.seconds)
  return { events_per_s: median(rates), rounds: rates, cpu_s: sorted[(sorted.length - 1) >> 1]?.cpu ?? {} }
}

/** A comparison of two programs that come to different results is worth nothing. */
function checkSameResult(cardinality: Cardinality, measured: Map<string, Measurement[]>): void {
  const last = (name: Contender) => measured.get(`${name} ${cardinality}`)?.at(-1)?.outcome
  const learner = last('learner')
  for (const name of ['streams', 'streams_second', 'streams_local'] as const) {
    const theirs = last(name)
    if (!learner || !theirs) continue
    const apart = Math.abs(theirs.rr_short - learner.rr_short) / Math.abs(learner.rr_short)
    if (theirs.n !== learner.n || theirs.updates !== learner.updates || !(apart <= 1e-9))
      throw new StrandlineError(
        'ENGINE_FAILED',
        `The learner and ${name} do not come to the same result: ${JSON.stringify(learner)} and ${JSON.stringify(theirs)}.`,
        { todo: 'One of the two is wrong; a comparison of their speed means nothing.' },
      )
  }
}
