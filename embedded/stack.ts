/** Engines and services of one data folder, started together and stopped in order. */
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { positionClosedSchema } from '../core/codec/position-closed-codec.ts'
import { createRegistryClient } from '../core/codec/registry.ts'
import {
  readDatabaseConfig,
  readKafkaConfig,
  readLoopConfig,
  readRegistryConfig,
  readStoreWay,
} from '../core/config.ts'
import { explain, findStrandlineError, StrandlineError } from '../core/errors.ts'
import { readToken } from '../core/http-guard.ts'
import { loadModel } from '../core/load-model.ts'
import { createKafkaLog } from '../core/log/kafka-log.ts'
import type { EventLog } from '../core/log/log.ts'
import { ensureLoopTopics } from '../core/log/loop-topics.ts'
import { isLostTopic } from '../core/log/lost-topic.ts'
import type { Logger } from '../core/logger.ts'
import { requirePort } from '../core/ports.ts'
import { findProcesses, stopProcess } from '../core/processes.ts'
import { CONNECTORS, type Need, type ServiceName, type StackPorts } from '../core/stack/layout.ts'
import { lockDataDir, type StackDescription, writeStack } from '../core/stack/stack-file.ts'
import { openStore } from '../core/store/open-store.ts'
import { createOutbox } from '../core/store/outbox-store.ts'
import { startRegistry } from '../services/registry/index.ts'
import { folderError, openFolder } from './data-dir.ts'
import { startDatabase } from './database.ts'
import { type Kafka, startKafka } from './kafka.ts'
import { SERVICE_STOP, type ServiceProcess, serviceMarker, startServiceProcess } from './service-process.ts'
import { type Supervised, supervise } from './supervise.ts'

/**
 * Kafka acknowledges what is in the page cache, and leaves to other brokers to have it where a machine loses its power. Here is no other one: what was acknowledged
 * and marked as published would be gone, with a log that looks whole.
 */
const ON_DISK = { 'log.flush.interval.messages': '1' }

export interface StackOptions {
  dataDir: string
  ports: StackPorts
  /** The engines that must be there; those that `env` names are used as they are. */
  needs: Need[]
  services: ServiceName[]
  /** Where real engines are: KAFKA_BROKERS, SCHEMA_REGISTRY_URL, SUPABASE_URL, SUPABASE_SERVICE_ROLE_KEY. */
  env: Record<string, string | undefined>
  /** What only one of the services is told. */
  serviceEnv?: Partial<Record<ServiceName, Record<string, string>>>
  model?: string
  /** The page may change things. */
  operate?: boolean
  /** How others are told who has the data folder. */
  purpose: string
  logger: Logger
  /** Hears what happens, one sentence at a time. */
  say(sentence: string): void
  /** Gives the start up; it then throws the signal's reason. */
  signal?: AbortSignal
}

export interface Stack extends StackDescription {
  stop(): Promise<void>
}

type Closer = () => Promise<void>

/** Errors: STACK_BUSY, PORT_TAKEN, JAVA_MISSING, DOWNLOAD_FAILED, ENGINE_FAILED and what the services report. Nothing is left running after one. */
export async function startStack(options: StackOptions): Promise<Stack> {
  checkSettings(options)
  const dataDir = await openFolder(options.dataDir)
  const closers: Closer[] = [
    await lockDataDir(dataDir, options.purpose, {
      signal: options.signal,
      onWatch: () =>
        options.say(
          `The data folder ${dataDir} is locked by a process that cannot be seen from here, as of another container or before a restart of the machine: looking for up to ten seconds whether it lives.`,
        ),
    }).catch((error) => {
      throw folderError(error, dataDir)
    }),
  ]
  const close = async () => {
    let failure: unknown
    for (const closer of closers.splice(0).reverse())
      await closer().catch((error) => {
        failure ??= error
      })
    if (failure) throw failure
  }
  try {
    const stack = await start({ ...options, dataDir }, closers)
    return { ...stack, stop: close }
  } catch (error) {
    await close().catch(() => {})
    throw options.signal?.aborted ? error : folderError(error, dataDir)
  }
}

/** Everything that can be wrong before anything is started. Errors: CONFIG_INVALID, FILE_UNREADABLE, MODEL_INVALID, USAGE. */
function checkSettings({ env, model, services, needs }: StackOptions): void {
  const set = Object.fromEntries(Object.entries(env).filter(([, value]) => value?.trim()))
  const { model: named } = readLoopConfig(set)
  readStoreWay(set)
  readToken(set)
  if (set.KAFKA_BROKERS) readKafkaConfig(set)
  if (set.SCHEMA_REGISTRY_URL) readRegistryConfig(set)
  if (needs.includes('database') && set.SUPABASE_URL && !set.SUPABASE_SERVICE_ROLE_KEY)
    throw new StrandlineError('CONFIG_INVALID', 'SUPABASE_URL is set, and SUPABASE_SERVICE_ROLE_KEY is not.', {
      todo: 'Set both, or none for an embedded database.',
    })
  if (needs.includes('database') && set.SUPABASE_URL) readDatabaseConfig(set)
  if (services.includes('learner')) loadModel(model ?? named)
}

async function start(options: StackOptions, closers: Closer[]): Promise<StackDescription> {
  const { dataDir, ports, services, say, logger, signal } = options
  const token = readToken(options.env) // once, as every service does
  const given = (name: string) => options.env[name]?.trim() || undefined
  const embedded = {
    database: options.needs.includes('database') && !given('SUPABASE_URL'),
    kafka: options.needs.includes('kafka') && !given('KAFKA_BROKERS'),
    registry: options.needs.includes('registry') && !given('SCHEMA_REGISTRY_URL'),
  }
  for (const pid of findProcesses(serviceMarker(dataDir))) await stopProcess(pid, SERVICE_STOP)
  await requirePorts(ports, embedded, services)

  const stack: StackDescription = {
    pid: process.pid,
    started_at: new Date().toISOString(),
    env: {},
    services: {},
    pids: {},
  }
  for (const name of [
    'KAFKA_BROKERS',
    'SCHEMA_REGISTRY_URL',
    'SUPABASE_URL',
    'SUPABASE_SERVICE_ROLE_KEY',
    'DATABASE_URL',
    // whoever asks this stack, in another terminal, asks for the same
    'STRANDLINE_TOPIC',
    'STRANDLINE_DEAD_LETTER_TOPIC',
  ]) {
    const value = given(name)
    if (value) stack.env[name] = value
  }
  if (token) stack.env.STRANDLINE_TOKEN = token
  if (options.model) stack.env.STRANDLINE_MODEL = options.model
  let complete = false
  const noted = (name: string) => (running: { pid: number }) => {
    stack.pids[name] = running.pid
    if (complete)
      writeStack(dataDir, stack).catch((error) => logger.warn({ err: error }, 'stack.json could not be written'))
  }

  // The slow ones side by side; if one fails the other is stopped all the same.
  const engineParts: { up(): boolean }[] = []
  const engines = await Promise.allSettled([
    embedded.kafka ? startEmbeddedKafka(options, stack, closers, engineParts, noted('kafka')) : undefined,
    embedded.database ? startEmbeddedDatabase(options, stack, closers, engineParts, noted('postgres')) : undefined,
  ])
  for (const engine of engines) if (engine.status === 'rejected') throw engine.reason
  signal?.throwIfAborted()

  if (embedded.registry) {
    const { brokers, ...security } = readKafkaConfig({ ...options.env, ...stack.env })
    const registry = await startRegistry({ brokers, security, port: ports.registry, logger })
    closers.push(() => registry.stop())
    stack.env.SCHEMA_REGISTRY_URL = registry.url
    // What runs beyond this process asks the registry as every Confluent client does.
    if (token) Object.assign(stack.env, { SCHEMA_REGISTRY_USERNAME: 'strandline', SCHEMA_REGISTRY_PASSWORD: token })
    say(`Schema registry listens on ${registry.url}`)
  }
  if (options.needs.includes('kafka') && options.needs.includes('registry')) await prepareLog(options, stack)
  const running: Supervised<ServiceProcess>[] = []
  const engineAway = () => engineParts.some((engine) => !engine.up())
  closers.push(async () => {
    await Promise.all(running.map((service) => service.stop()))
  })
  const started = await Promise.allSettled(
    services.map(async (name) =>
      running.push(await startService(name, { ...options, token }, stack, engineAway, noted(name))),
    ),
  )
  for (const service of started) if (service.status === 'rejected') throw service.reason
  signal?.throwIfAborted()
  complete = true
  await writeStack(dataDir, stack)
  return stack
}

async function requirePorts(
  ports: StackPorts,
  embedded: Record<Need, boolean>,
  services: ServiceName[],
): Promise<void> {
  const wanted: [keyof StackPorts, string][] = [
    ...(embedded.database ? [['supabase', 'Supabase'] as [keyof StackPorts, string]] : []),
    ...(embedded.registry ? [['registry', 'the schema registry'] as [keyof StackPorts, string]] : []),
    ...services.map((name): [keyof StackPorts, string] => [name, `the service ${name}`]),
  ]
  for (const [name, what] of wanted) await requirePort(ports[name], what, '--base-port')
}

async function startEmbeddedKafka(
  { dataDir, ports, say, logger, signal }: StackOptions,
  stack: StackDescription,
  closers: Closer[],
  parts: { up(): boolean }[],
  restarted: (r: { pid: number }) => void,
): Promise<void> {
  let shownPercent = 0
  const kafka = await supervise<Kafka>({
    name: 'Kafka',
    say,
    restarted,
    signal,
    notReadyAfterMs: 60_000, // sooner than the services, which wait for it
    start: (stopping) =>
      startKafka({
        signal: stopping,
        say,
        dataDir: join(dataDir, 'kafka'),
        port: ports.kafka,
        controllerPort: ports.kafkaController,
        logFile: join(dataDir, 'logs', 'kafka.log'),
        properties: ON_DISK,
        logger,
        onProgress(done, total, bytes, totalBytes) {
          stopping.throwIfAborted()
          const percent = Math.floor((bytes / totalBytes) * 100)
          if (done === 0) say(`Downloading Kafka once: ${total} files, ${Math.round(totalBytes / 1e6)} MB`)
          else if (percent >= shownPercent + 20 || done === total) {
            shownPercent = percent
            say(`Downloading Kafka: ${percent} % (${done} of ${total} files)`)
          }
        },
      }).catch((error) => {
        throw folderError(error, dataDir)
      }),
  })
  closers.push(() => kafka.stop())
  parts.push(kafka)
  stack.env.KAFKA_BROKERS = kafka.current().brokers
  stack.pids.kafka = kafka.current().pid
  say(`Kafka ${kafka.current().version} listens on ${kafka.current().brokers}`)
}

async function startEmbeddedDatabase(
  { dataDir, ports, say, logger, signal }: StackOptions,
  stack: StackDescription,
  closers: Closer[],
  parts: { up(): boolean }[],
  restarted: (r: { pid: number }) => void,
): Promise<void> {
  const database = await startDatabase({
    dataDir,
    postgresPort: ports.postgres,
    supabasePort: ports.supabase,
    logger,
    say,
    restarted,
    signal,
  })
  closers.push(() => database.stop())
  parts.push(database)
  stack.env.SUPABASE_URL = database.supabaseUrl
  stack.env.SUPABASE_SERVICE_ROLE_KEY = database.serviceRoleKey
  stack.env.DATABASE_URL = database.databaseUrl
  stack.pids.postgres = database.postgres.pid
  say(
    `PostgreSQL listens on 127.0.0.1:${ports.postgres}${database.migrated.length > 0 ? `; ${database.migrated.length} migrations applied` : ''}`,
  )
  say(`Supabase listens on ${database.supabaseUrl}`)
}

/** Topics and schema, so that the first event finds them; but no topic in place of one that consumers of the database have read. */
async function prepareLog(options: StackOptions, stack: StackDescription): Promise<void> {
  const env = { ...options.env, ...stack.env }
  const config = readLoopConfig(env)
  const log = createKafkaLog({ kafka: readKafkaConfig(env) }, options.logger)
  try {
    const amiss = options.needs.includes('database') ? await whyNoTopic(env, log, config.topic) : null
    if (amiss !== null) options.say(amiss)
    else
      await ensureLoopTopics(log, config, options.logger).catch((error) => {
        if (findStrandlineError(error)?.code !== 'LOG_SETTINGS') throw error
        options.say(explain(error)) // the services wait until it is put right, with all that was closed in the outbox
      })
    await createRegistryClient(readRegistryConfig(env)).register(`${config.topic}-value`, positionClosedSchema)
  } finally {
    await log.close()
  }
}

/** Why the topics are not made here; null: they may be. Where the database does not answer, that is left to the PM, which waits for it. */
async function whyNoTopic(
  env: Record<string, string | undefined>,
  log: EventLog,
  topic: string,
): Promise<string | null> {
  const store = openStore(readDatabaseConfig(env))
  try {
    if (!(await isLostTopic(log, createOutbox(store, '', 0), topic))) return null
    return `Kafka does not have the topic ${topic}, though consumers of this database have read it. It is not made anew: see docs/operations.md, "The topic is lost".`
  } catch (error) {
    if (!findStrandlineError(error)?.code.startsWith('STORE_')) throw error
    return `Whether the topic ${topic} may be made is not known yet: ${explain(error)}`
  } finally {
    await store.close()
  }
}

async function startService(
  name: ServiceName,
  { dataDir, ports, say, signal, serviceEnv, operate, token }: StackOptions & { token: string | undefined },
  stack: StackDescription,
  excused: () => boolean,
  restarted: (r: { pid: number }) => void,
): Promise<Supervised<ServiceProcess>> {
  const logFile = join(dataDir, 'logs', `${name}.log`)
  const foreign = (CONNECTORS as readonly ServiceName[]).includes(name)
  const service = await supervise<ServiceProcess>({
    name,
    say,
    restarted,
    signal,
    // a bot of somebody else may be away for days: nothing waits for it, and starting its connector again would not help
    excused: foreign ? () => true : excused,
    start: (stopping, untilReady) =>
      startServiceProcess({
        name,
        port: ports[name],
        dataDir,
        args: name === 'page' && operate ? ['--operate'] : [],
        env: { ...stack.env, ...serviceEnv?.[name] },
        token,
        logFile,
        say,
        signal: stopping,
        untilReady: untilReady && !foreign,
      }).catch((error) => {
        throw folderError(error, dataDir)
      }),
  })
  if (foreign) await tellWhyNotReady(service.current(), name, say)
  stack.services[name] = service.current().url
  stack.pids[name] = service.current().pid
  if (name === 'page') stack.env.STRANDLINE_PAGE_URL = `${service.current().url}/`
  else say(`${name} listens on ${service.current().url}`)
  return service
}

const LOOKS = 20
const BETWEEN_LOOKS_MS = 250

/** Nothing waits for it, but whoever starts it hears why it does nothing yet. */
async function tellWhyNotReady(service: ServiceProcess, name: string, say: (sentence: string) => void): Promise<void> {
  let reason: string | undefined
  for (let look = 0; look < LOOKS; look++) {
    const now = await service.check?.()
    if (now?.state !== 'not ready') return
    reason = now.reason
    await sleep(BETWEEN_LOOKS_MS)
  }
  say(`${name} is not ready yet: ${reason}`)
}
