/** The benchmark: engines of its own in a temporary folder, one section after the other, and all of it gone at the end. */
import { execFile } from 'node:child_process'
import { mkdtemp, rm, statfs } from 'node:fs/promises'
import { availableParallelism, cpus, release, tmpdir, totalmem, type } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { StrandlineError } from '../core/errors.ts'
import { findJava } from '../embedded/java.ts'
import { postgresBinaries } from '../embedded/postgres-binaries.ts'
import { type Aim, aimsOf } from './aims.ts'
import type { Bench, BenchOptions, Section } from './context.ts'
import { type LatencyResult, measureLatency } from './latency.ts'
import { type LedgerResult, measureLedger } from './ledger.ts'
import { measureReplay, type ReplayResult } from './replay.ts'
import { measureMemory, measureThroughput, type ThroughputResult } from './throughput.ts'
import { startWorker, type Worker } from './worker.ts'
import type { KafkaAddress } from './workers/engines.ts'

export interface RunOptions extends BenchOptions {
  /** One section alone. */
  only?: Section
  ledgerRows: [short: number, long: number]
  /** Leaves the data folder. */
  keep: boolean
  progress(text: string): void
}

export interface RunningBench {
  /** Errors: JAVA_MISSING, DOWNLOAD_FAILED, ENGINE_FAILED. */
  result: Promise<BenchResult>
  /** Stops the engines and removes the data, whatever is under way; `result` then means nothing. */
  stop(): Promise<void>
}

export interface Machine {
  cpus: number
  cpu: string
  memory_gib: number
  system: string
  node: string
  kafka: string
  postgres: string
  java: string
}

export interface BenchResult {
  machine: Machine
  options: BenchOptions
  latency?: LatencyResult
  throughput?: ThroughputResult
  /** Peak resident memory of the learner by what it learned, bytes; `ledger`: the long one. */
  memory?: Partial<Record<'few' | 'distinct' | 'ledger', number>>
  ledger?: LedgerResult
  replay?: ReplayResult
  aims: Aim[]
}

/** Two topics, a database and Streams' own topics; the topic of a long ledger, its rows and sums. Generous. */
const BYTES = { event: 6_000, ledgerRow: 2_000 }

export async function startBench(run: RunOptions): Promise<RunningBench> {
  const { only, events, ledgerRows, keep, progress } = run
  const wants = (section: Section) => only === undefined || only === section
  const dataDir = await mkdtemp(join(tmpdir(), 'strandline-bench-'))
  await requireSpace(
    dataDir,
    (wants('throughput') || wants('replay') ? events * BYTES.event : 0) +
      (wants('ledger') ? ledgerRows[1] * BYTES.ledgerRow : 0),
  )
  const engines = startWorker('engines', { BENCH_DATA_DIR: dataDir, BENCH_KEEP: keep ? '1' : '' })
  const stop = async () => {
    await engines.stop()
    if (keep) progress(`the data is kept in ${dataDir}`)
  }
  return { result: measure(run, wants, engines, dataDir).finally(stop), stop }
}

const BUSY_JVM = ['-XX:+UseG1GC', '-XX:MaxGCPauseMillis=20']

async function measure(
  { only, ledgerRows, keep: _, progress, ...options }: RunOptions,
  wants: (section: Section) => boolean,
  engines: Worker,
  dataDir: string,
): Promise<BenchResult> {
  progress('starting Kafka')
  // where throughput is measured the broker is one for much traffic: Kafka Streams asks more of it than the learner does
  const kafka = await engines.ask<KafkaAddress>('kafka', wants('throughput') ? { jvm: BUSY_JVM } : {})
  const bench: Bench = { options, engines, kafka, dataDir, progress }
  const result: BenchResult = { machine: await machineOf(kafka), options, aims: [] }
  // latency first: nothing has made the engines busy yet
  if (wants('latency')) result.latency = await measureLatency(bench)
  if (wants('throughput')) {
    const { throughput, memory } = await measureThroughput(bench)
    Object.assign(result, { throughput, memory })
  } else if (only === 'memory') result.memory = await measureMemory(bench)
  if (wants('ledger')) {
    result.ledger = await measureLedger(bench, ledgerRows)
    result.memory = { ...result.memory, ledger: result.ledger.sizes[1]!.memory }
  }
  if (wants('replay')) result.replay = await measureReplay(bench)
  result.aims = aimsOf(result)
  return result
}

async function requireSpace(dir: string, bytes: number): Promise<void> {
  const { bavail, bsize } = await statfs(dir)
  if (bavail * bsize >= bytes) return
  await rm(dir, { recursive: true, force: true })
  const gb = (n: number) => `${(n / 1e9).toFixed(1)} GB`
  throw new StrandlineError(
    'ENGINE_FAILED',
    `The benchmark needs ${gb(bytes)} in ${tmpdir()}, and ${gb(bavail * bsize)} are free.`,
    {
      todo: 'Set TMPDIR to a folder on a larger disk, or use --only, --events and --ledger-rows.',
    },
  )
}

async function machineOf(kafka: KafkaAddress): Promise<Machine> {
  const run = promisify(execFile)
  const [java, postgres] = await Promise.all([
    run((await findJava()).path, ['-version']),
    run((await postgresBinaries()).postgres, ['--version']),
  ])
  return {
    cpus: availableParallelism(),
    cpu: cpus()[0]?.model.trim() ?? 'unknown processor',
    memory_gib: totalmem() / 2 ** 30,
    system: `${type()} ${release()}`,
    node: process.versions.node,
    kafka: kafka.version,
    postgres: /[\d.]+/.exec(postgres.stdout)?.[0] ?? 'unknown',
    java: /version "([^"]+)"/.exec(java.stderr)?.[1] ?? 'unknown',
  }
}
