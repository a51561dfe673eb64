/** A real single-node Apache Kafka (KRaft) in a folder, on the loopback interface, as a child process. Survives `kill -9` of itself and of its parent. */
import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { access, mkdir, readFile, realpath, rename, rm, writeFile } from 'node:fs/promises'
import { connect } from 'node:net'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import { Kafka as KafkaJs, logLevel } from 'kafkajs'
import { StrandlineError } from '../core/errors.ts'
import { restIdleConnections } from '../core/log/request-queue.ts'
import type { Logger } from '../core/logger.ts'
import { portTaken, requirePort } from '../core/ports.ts'
import { findProcesses, isAlive, type StopStep, stopProcess } from '../core/processes.ts'
import { createTeller } from '../core/teller.ts'
import { kafkaCondition } from './engine-health.ts'
import { findJava, type Java } from './java.ts'
import { keptClasses } from './kafka-classes.ts'
import { ensureKafkaJars, type KafkaJars, type KafkaJarsOptions } from './kafka-jars.ts'
import { kafkaProperties, LOG4J, propertiesFile } from './kafka-properties.ts'
import { type SecureListener, scramArguments } from './kafka-security.ts'
import { lastLines, openLogFile } from './log-file.ts'
import type { Condition } from './wellness.ts'

/** A broker for one machine serves little: what the second compiler and a concurrent collector cost, they do not earn back. */
const FRUGAL_JVM = ['-XX:TieredStopAtLevel=1', '-XX:+UseSerialGC']

export interface KafkaOptions {
  /** The broker's folder, made when absent. */
  dataDir: string
  port: number
  controllerPort: number
  logFile: string
  /** TLS and SASL listeners beside the plain one. */
  listeners?: SecureListener[]
  /** Over the defaults of kafka-properties.ts. */
  properties?: Record<string, string>
  /** One of several nodes that are broker and controller: the cluster's id, and all their controllers as `id@host:port`. */
  quorum?: Quorum
  /** Largest Java heap in MiB. */
  heapMb?: number
  /** Compiler and collector of its JVM; default: those that cost least while little is served. */
  jvm?: string[]
  portFlag?: string
  /** Another Kafka than the pinned one. */
  jars?: KafkaJars
  logger: Logger
  onProgress?: KafkaJarsOptions['onProgress']
  /** Hears what a start that takes long waits for. */
  say?(sentence: string): void
  /** Gives the start up; nothing is left running then. */
  signal?: AbortSignal
}

export interface Quorum {
  /** As made by `createClusterId`. */
  clusterId: string
  nodeId: number
  voters: string[]
}

export const createClusterId = (): string => `s${randomBytes(16).toString('base64url').slice(1)}`

export interface Kafka {
  /** host:port of the plain listener. */
  brokers: string
  port: number
  pid: number
  version: string
  /** Rejects never; resolves when the broker process is gone, wanted or not. */
  exited: Promise<void>
  stop(): Promise<void>
  check(): Promise<Condition>
}

/** SIGTERM: a controlled shutdown, which leaves nothing to recover. */
const STOP: StopStep[] = [
  ['SIGTERM', 30_000],
  ['SIGKILL', 5_000],
]

/** What a JVM that ends on SIGTERM ends with. */
const TERMINATED = 128 + 15

/** For one that nobody waits for any more; it may hang in its own start. */
const ABANDON: StopStep[] = [
  ['SIGTERM', 5_000],
  ['SIGKILL', 5_000],
]

export async function startKafka(options: KafkaOptions): Promise<Kafka> {
  const {
    port,
    controllerPort,
    logFile,
    listeners = [],
    heapMb = 512,
    jvm: tuning = FRUGAL_JVM,
    portFlag = '--base-port',
    logger,
    say,
    signal,
  } = options
  const java = await findJava()
  const jars = options.jars ?? (await ensureKafkaJars({ onProgress: options.onProgress, say, signal }))
  signal?.throwIfAborted()
  await mkdir(options.dataDir, { recursive: true })
  const dataDir = await realpath(options.dataDir)
  const logDir = join(dataDir, 'log')

  const marker = `-Dstrandline.kafka=${dataDir}`
  for (const pid of findProcesses(marker)) {
    logger.warn({ pid }, 'stopping a Kafka that an earlier run left behind')
    await stopProcess(pid, ABANDON)
  }
  await requirePort(port, 'Kafka', portFlag)
  await requirePort(controllerPort, "Kafka's controller", portFlag)
  for (const listener of listeners) await requirePort(listener.port, `Kafka's listener ${listener.name}`, portFlag)

  const properties = (dir: string) =>
    propertiesFile({
      ...kafkaProperties({ logDir: dir, port, controllerPort, listeners, quorum: options.quorum }),
      ...options.properties,
    })
  const run = { java, jars, dataDir }
  const classes = await keptClasses(jars, java, true)
  await writeFile(join(dataDir, 'log4j2.properties'), LOG4J)
  await format(run, logDir, properties, scramArguments(listeners), options.quorum, signal)
  // Passwords and keys may be in it.
  await writeFile(join(dataDir, 'server.properties'), properties(logDir), { mode: 0o600 })

  const log = await openLogFile(logFile)
  const before = (await log.stat()).size
  const jvm = [
    `-Xmx${heapMb}m`,
    '-Xms64m',
    ...tuning,
    ...classes.arguments,
    '-XX:+ExitOnOutOfMemoryError',
    '-Djava.awt.headless=true',
    marker,
  ]
  // Detached: Ctrl-C in the terminal reaches our process, which lets the services finish before it stops the broker.
  const child = spawn(java.path, [...jvm, ...base(run), 'kafka.Kafka', join(dataDir, 'server.properties')], {
    stdio: ['ignore', log.fd, log.fd],
    detached: true,
    cwd: dataDir,
    env: environment(),
  })
  const exited = once(child, 'exit').then(
    () => {},
    () => {},
  )
  await log.close()
  const waiting = createTeller(
    say,
    async () => `Kafka has not started yet: ${(await lastLines(logFile, 1)) || 'it has said nothing.'}`,
  )
  await ready(child, port, await clusterIdOf(logDir), logFile, before, portFlag, waiting, signal)
  const pid = child.pid!
  logger.debug({ port, pid, version: jars.version }, 'Kafka is up')
  return {
    brokers: `127.0.0.1:${port}`,
    port,
    pid,
    version: jars.version,
    exited,
    check: () => kafkaCondition(port),
    async stop() {
      if (!(await stopProcess(pid, STOP)))
        throw new StrandlineError('ENGINE_FAILED', `Kafka (process ${pid}) does not stop.`, { todo: `See ${logFile}.` })
      await exited
      await classes.keep(child.exitCode === TERMINATED)
    },
  }
}

interface Run {
  java: Java
  jars: KafkaJars
  dataDir: string
}

/** What every Java program of Kafka is started with. */
function base({ jars, dataDir }: Pick<Run, 'jars' | 'dataDir'>): string[] {
  return [`-Dlog4j2.configurationFile=${join(dataDir, 'log4j2.properties')}`, '-cp', jars.classpath]
}

/** Nothing of our environment is Kafka's business, least of all passwords; KAFKA_* would even configure it. */
function environment(): NodeJS.ProcessEnv {
  const { PATH, HOME, TMPDIR, LANG, JAVA_HOME } = process.env
  return { PATH, HOME, TMPDIR, LANG, JAVA_HOME }
}

/** Formats beside the place and then moves there: an interrupted one leaves nothing half made. */
async function format(
  run: Run,
  logDir: string,
  properties: (dir: string) => string,
  scram: string[],
  quorum: Quorum | undefined,
  signal: AbortSignal | undefined,
): Promise<void> {
  if (
    await access(join(logDir, 'meta.properties')).then(
      () => true,
      () => false,
    )
  )
    return
  const draft = `${logDir}.formatting`
  const file = join(run.dataDir, 'format.properties')
  // One whose parent was killed goes on, and would fill what is emptied here.
  for (const pid of findProcesses(`--config ${file}`)) await stopProcess(pid, ABANDON)
  await rm(draft, { recursive: true, force: true, maxRetries: 20 })
  await mkdir(draft, { recursive: true })
  await writeFile(file, properties(draft), { mode: 0o600 })
  try {
    const alone = quorum ? [] : ['--standalone']
    const args = [
      'format',
      ...alone,
      '--cluster-id',
      quorum?.clusterId ?? createClusterId(),
      '--config',
      file,
      ...scram,
    ]
    const classes = await keptClasses(run.jars, run.java, false)
    await promisify(execFile)(
      run.java.path,
      ['-Xmx128m', ...FRUGAL_JVM, ...classes.arguments, ...base(run), 'kafka.tools.StorageTool', ...args],
      { env: environment(), signal },
    )
  } catch (cause) {
    signal?.throwIfAborted()
    const said = String((cause as { stderr?: string }).stderr || (cause as Error).message)
      .trim()
      .split('\n')
      .at(-1)
    throw new StrandlineError('ENGINE_FAILED', `Kafka's data folder ${logDir} could not be made: ${said}.`, { cause })
  } finally {
    await rm(file, { force: true })
  }
  await rm(logDir, { recursive: true, force: true })
  await rename(draft, logDir)
}

/** Waits until the broker answers. Recovery after a crash may take long: no deadline while the process lives. */
async function clusterIdOf(logDir: string): Promise<string | undefined> {
  return /^cluster\.id=(.*)$/m.exec(await readFile(join(logDir, 'meta.properties'), 'utf8'))?.[1]?.trim()
}

/** Whoever answers at the port may be a broker that took it a moment before ours: it must be of our cluster. */
async function ready(
  child: ChildProcess,
  port: number,
  ours: string | undefined,
  logFile: string,
  before: number,
  portFlag: string,
  waiting: () => Promise<void>,
  signal: AbortSignal | undefined,
): Promise<void> {
  const alive = () =>
    child.pid !== undefined && child.exitCode === null && child.signalCode === null && isAlive(child.pid)
  restIdleConnections()
  const client = new KafkaJs({
    clientId: 'strandline-start',
    brokers: [`127.0.0.1:${port}`],
    logLevel: logLevel.NOTHING,
    retry: { retries: 0 },
  })
  while (alive()) {
    if (signal?.aborted) {
      await stopProcess(child.pid!, ABANDON)
      throw signal.reason
    }
    await waiting()
    if (await answers(port)) {
      const admin = client.admin()
      try {
        await admin.connect()
        const { brokers, clusterId } = await admin.describeCluster()
        if (brokers.length > 0 && clusterId === ours) return
      } catch {
        // Not yet.
      } finally {
        await admin.disconnect().catch(() => {})
      }
    }
    await sleep(25)
  }
  // On a full disk it may have had no room to say anything, and what stands before is an earlier run's.
  const said = (await readFile(logFile).catch(() => Buffer.alloc(0))).subarray(before).toString()
  if (/Address already in use/.test(said)) throw portTaken(port, 'Kafka', portFlag)
  if (/No space left on device/.test(said))
    throw new StrandlineError('ENGINE_FAILED', 'Kafka did not start: there is no space left on the device.', {
      todo: `Make room for ${logFile.replace(/\/logs\/[^/]*$/, '')}.`,
    })
  throw new StrandlineError(
    'ENGINE_FAILED',
    `Kafka did not start: ${await lastLines(logFile, 1, /Exception|ERROR|FATAL/)}.`,
    { todo: `See ${logFile}.` },
  )
}

function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ port, host: '127.0.0.1' })
    socket.once('connect', () => {
      socket.destroy()
      resolve(true)
    })
    socket.once('error', () => resolve(false))
  })
}

/** Runs one of Kafka's own command line tools, e.g. org.apache.kafka.tools.consumer.group.ConsumerGroupCommand, and returns what it prints. */
export async function runKafkaTool(mainClass: string, args: string[]): Promise<string> {
  const java = await findJava()
  const jars = await ensureKafkaJars()
  const { stdout } = await promisify(execFile)(
    java.path,
    ['-Xmx128m', '-XX:TieredStopAtLevel=1', '-cp', jars.classpath, mainClass, ...args],
    {
      env: environment(),
      maxBuffer: 64 * 1024 * 1024,
    },
  )
  return stdout
}
