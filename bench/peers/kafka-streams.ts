/** The learner's job in Kafka Streams: compiled by the JDK's own compiler, its jars pinned and fetched as the embedded Kafka's are. */
import { execFile, spawn } from 'node:child_process'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { StrandlineError } from '../../core/errors.ts'
import { findJava } from '../../embedded/java.ts'
import { ensureKafkaJars } from '../../embedded/kafka-jars.ts'
import { LOG4J } from '../../embedded/kafka-properties.ts'
import lock from './kafka-streams/jars.lock.json' with { type: 'json' }

const SOURCE = fileURLToPath(new URL('./kafka-streams/StreamsPeer.java', import.meta.url))
const SCHEMA = fileURLToPath(new URL('../../schemas/position-closed.avsc', import.meta.url))

export interface StreamsPeer {
  java: string
  classpath: string
  dir: string
}

export interface StreamsOptions {
  /** dsl: flatMap, groupByKey, aggregate; local: the processor API, a sum for each partition. */
  topology: 'dsl' | 'local'
  threads: number
  /** Milliseconds between two transactions. */
  commitMs: number
  cacheMb: number
  /** Largest Java heap. */
  heapMb: number
  guarantee: 'exactly_once_v2' | 'at_least_once'
}

/** As its users would set it on two cores: one thread was slower, a larger cache no faster. 100 ms is its default under exactly_once_v2. */
export const STREAMS: StreamsOptions = {
  topology: 'dsl',
  threads: 2,
  commitMs: 100,
  cacheMb: 64,
  heapMb: 2048,
  guarantee: 'exactly_once_v2',
}
/** For throughput alone: nobody sees a coefficient sooner than a second after its trade. */
export const STREAMS_SECOND: StreamsOptions = { ...STREAMS, commitMs: 1_000 }
export const STREAMS_LOCAL: StreamsOptions = { ...STREAMS_SECOND, topology: 'local' }

export interface StreamsRun {
  topic: string
  events: number
  seconds: number
  result: Outcome
}

/** What a program has learned: the baseline, and the updates that all coefficients together have seen. */
export interface Outcome {
  rr_short: number
  n: number
  updates: number
}

/** null: this Java has no compiler (a JRE). Errors: JAVA_MISSING, DOWNLOAD_FAILED. */
export async function prepareStreamsPeer(
  dataDir: string,
  progress: (text: string) => void,
): Promise<StreamsPeer | null> {
  const { path: java } = await findJava()
  const run = promisify(execFile)
  const { stdout: modules } = await run(java, ['--list-modules'])
  if (!/^jdk\.compiler@/m.test(modules)) return null
  const kafka = await ensureKafkaJars()
  const own = await ensureKafkaJars({
    jars: lock.jars,
    onProgress: (done, total) => progress(`fetching Kafka Streams: ${done} of ${total} files`),
  })
  const dir = join(dataDir, 'streams')
  await mkdir(dir, { recursive: true })
  const classpath = `${own.classpath}:${kafka.classpath}`
  await run(java, ['-m', 'jdk.compiler/com.sun.tools.javac.Main', '-cp', classpath, '-d', dir, SOURCE])
  await writeFile(join(dir, 'log4j2.properties'), LOG4J)
  return { java, classpath: `${dir}:${classpath}`, dir }
}

/**
 * Runs the peer over each topic in turn, in one JVM. `observe` hears when a run begins and when it ends.
 * Errors: ENGINE_FAILED.
 */
export async function runStreamsPeer(
  { java, classpath, dir }: StreamsPeer,
  brokers: string,
  { topology, threads, commitMs, cacheMb, heapMb, guarantee }: StreamsOptions,
  topics: { topic: string; events: number }[],
  observe: (pid: number, topic: string, what: 'started' | 'done') => void,
): Promise<StreamsRun[]> {
  const child = spawn(
    java,
    [
      `-Xmx${heapMb}m`,
      '-XX:+UseParallelGC',
      `-Dlog4j2.configurationFile=${join(dir, 'log4j2.properties')}`,
      ...['-cp', classpath, 'StreamsPeer'],
      ...[`brokers=${brokers}`, `schema=${SCHEMA}`, `topology=${topology}`, `threads=${threads}`],
      ...[`commitMs=${commitMs}`, `cacheMb=${cacheMb}`, `guarantee=${guarantee}`, `stateDir=${join(dir, 'state')}`],
      ...topics.map(({ topic, events }) => `${topic}:${events}`),
    ],
    { stdio: 'pipe' },
  )
  let said = ''
  child.stderr.on('data', (chunk) => {
    said = (said + chunk).slice(-4_000)
  })
  const closed = new Promise<number | null>((resolve) => child.on('close', resolve))
  const runs: StreamsRun[] = []
  for await (const line of createInterface({ input: child.stdout })) {
    if (!line.startsWith('{')) {
      said = `${said}${line}\n`.slice(-4_000)
      continue
    }
    const message = JSON.parse(line) as StreamsRun & { started?: boolean }
    observe(child.pid as number, message.topic, message.started ? 'started' : 'done')
    if (!message.started) runs.push(message)
  }
  const code = await closed
  if (code !== 0 || runs.length !== topics.length)
    throw new StrandlineError(
      'ENGINE_FAILED',
      `Kafka Streams failed: ${said.split('\n').find((l) => /Exception|Error/.test(l)) ?? `exit code ${code}`}.`,
    )
  return runs
}
