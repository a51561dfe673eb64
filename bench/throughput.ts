/**
 * Events a second from the log: a reader that only fetches and decodes, the learner by both ways to the database, and Kafka Streams, side by side.
 *
 * Each measurement is a process of its own. It first works through a warm-up topic, so that compilers and page caches do not decide, and then
 * starts cold on the topic that counts: nothing learned, empty tables, no state store, no offset. Within a round they take turns, in another order
 * each round: what else happens on the machine hits all alike.
 */
import type { Bench, Contender } from './context.ts'
import type { Cardinality } from './generate.ts'
import type { Outcome } from './peers/kafka-streams.ts'
import { prepareStreamsPeer, STREAMS, STREAMS_LOCAL, STREAMS_SECOND } from './peers/kafka-streams.ts'
import { checkSameOutcome, type Measurement, type Rate, rateOf, total } from './rate.ts'
import { type RunProfile, stagesOf } from './stages.ts'
import { amount } from './statistics.ts'
import { type LearnerRun, measureLearner } from './throughput-learner.ts'
import { measureReader } from './throughput-reader.ts'
import { measureStreams } from './throughput-streams.ts'
import { CARDINALITIES, produceTopics } from './topics.ts'
import type { DatabaseAddress } from './workers/engines.ts'

type Each<T> = Record<Cardinality, T>

export interface ThroughputResult {
  /** Mean size of a value, bytes. */
  value_bytes: number
  rates: Partial<Record<Contender, Each<Rate>>>
  /** Why there is no row of Kafka Streams. */
  streams_missing: string | null
  /** The learner's, by the direct way: microseconds of processor of all processes; null where one is not known. */
  cpu_us_per_event?: Each<number | null>
  /** The learner's process, by stage: microseconds of processor an event. */
  stages?: Each<Record<string, number>>
  profile?: Each<RunProfile>
}

export interface ThroughputAndMemory {
  throughput: ThroughputResult
  /** Peak resident memory of the learner, bytes. */
  memory?: Each<number>
}

type Measure = (cardinality: Cardinality) => Promise<Measurement>

export async function measureThroughput(bench: Bench): Promise<ThroughputAndMemory> {
  const { options, engines, progress } = bench
  const { events, rounds } = options
  const value_bytes = await produceTopics(bench)
  const database = await engines.ask<DatabaseAddress>('database', { name: 'throughput' })
  const { contenders, streams_missing } = await contendersOf(bench, database)
  const runs = Object.fromEntries(contenders.map(([name]) => [name, each((): Measurement[] => [])]))
  for (let round = 0; round < rounds; round++)
    for (const cardinality of CARDINALITIES) {
      const outcomes: Partial<Record<Contender, Outcome>> = {}
      for (let i = 0; i < contenders.length; i++) {
        const [name, measure] = contenders[(i + round) % contenders.length] as [Contender, Measure]
        const one = await measure(cardinality)
        runs[name]![cardinality].push(one)
        if (one.outcome) outcomes[name] = one.outcome
        progress(`round ${round + 1} of ${rounds}, ${cardinality}: ${name} ${amount(events / one.seconds)} events/s`)
      }
      checkSameOutcome(outcomes)
    }
  const rates = Object.fromEntries(contenders.map(([name]) => [name, each((c) => rateOf(runs[name]![c], events))]))
  const throughput: ThroughputResult = { value_bytes, rates, streams_missing }
  if (rates.learner) {
    const { learner } = rates
    throughput.cpu_us_per_event = each((c) => total(learner[c].cpu_us_per_event))
    const profile = await profileLearner(bench, database)
    Object.assign(throughput, { profile, stages: each((c) => stagesOf(profile[c], events)) })
  }
  await engines.ask('stopDatabase', { name: 'throughput' })
  const { learner } = runs
  const memory = learner && each((c) => Math.max(...learner[c].map((m) => m.peakMemory ?? Number.NaN)))
  return { throughput, memory }
}

const each = <T>(of: (cardinality: Cardinality) => T): Each<T> => ({ few: of('few'), distinct: of('distinct') })

async function contendersOf(
  bench: Bench,
  database: DatabaseAddress,
): Promise<{ contenders: [Contender, Measure][]; streams_missing: string | null }> {
  const wanted = (name: Contender) => bench.options.contenders.includes(name)
  const learner =
    (store: LearnerRun['store']): Measure =>
    (cardinality) =>
      measureLearner(bench, database, { store, cardinality })
  const contenders: [Contender, Measure][] = [
    ['reader', (c) => measureReader(bench, c)],
    ['learner', learner('direct')],
    ['learner_postgrest', learner('postgrest')],
  ]
  let streams_missing: string | null = null
  if (wanted('streams') || wanted('streams_second') || wanted('streams_local')) {
    const peer = await prepareStreamsPeer(bench.dataDir, bench.progress)
    if (peer)
      contenders.push(
        ['streams', (c) => measureStreams(bench, peer, STREAMS, c)],
        ['streams_second', (c) => measureStreams(bench, peer, STREAMS_SECOND, c)],
        ['streams_local', (c) => measureStreams(bench, peer, STREAMS_LOCAL, c)],
      )
    else
      streams_missing =
        'Kafka Streams is not measured: this Java has no compiler. Install a JDK (e.g. apt install default-jdk-headless).'
  }
  return { contenders: contenders.filter(([name]) => wanted(name)), streams_missing }
}

/** One more run of each, not counted. */
async function profileLearner(bench: Bench, database: DatabaseAddress): Promise<Each<RunProfile>> {
  const profiles: Partial<Each<RunProfile>> = {}
  for (const cardinality of CARDINALITIES) {
    bench.progress(`one more learner with the profiler on, ${cardinality}`)
    profiles[cardinality] = (
      await measureLearner(bench, database, { store: 'direct', cardinality, profile: true })
    ).profile
  }
  return profiles as Each<RunProfile>
}

/** The learner's peak memory alone. */
export async function measureMemory(bench: Bench): Promise<Each<number>> {
  const { engines, progress } = bench
  await produceTopics(bench)
  const database = await engines.ask<DatabaseAddress>('database', { name: 'throughput' })
  const memory = {} as Each<number>
  for (const cardinality of CARDINALITIES) {
    progress(`the learner alone, ${cardinality}`)
    const { peakMemory } = await measureLearner(bench, database, { store: 'direct', cardinality })
    memory[cardinality] = peakMemory ?? Number.NaN
  }
  await engines.ask('stopDatabase', { name: 'throughput' })
  return memory
}
