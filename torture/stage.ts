/** The stack that is tortured: engines, links and services, each of which can be hurt alone. The run itself goes round the links. */
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import kafkajs, { type Admin, type Kafka } from 'kafkajs'
import pg from 'pg'
import { StrandlineError } from '../core/errors.ts'
import type { Logger } from '../core/logger.ts'
import { withClient } from '../core/store/client.ts'
import { migrate } from '../core/store/migrate.ts'
import { stateOf } from '../core/store/sql-state.ts'
import { createClusterId } from '../embedded/kafka.ts'
import { loadSecrets } from '../embedded/secrets.ts'
import { prepareOwnCluster } from '../services/supabase/api-role.ts'
import { createBroker, createPostgres, type Door, type Engine } from './engines.ts'
import { createLink, type Link, together, type Way } from './link.ts'
import { findPorts } from './ports.ts'
import { createService, type Service } from './service.ts'

export const TOPIC = 'pm.position-closed.v1'
export const DEAD_LETTERS = `${TOPIC}.dead-letter`

export interface Member {
  service: Service
  kind: 'pm' | 'learner' | 'projector' | 'endpoint' | 'registry'
  /** To PostgreSQL, or to the endpoint in front of it; the registry has none. */
  database?: Link
  /** The endpoint has none. */
  kafka?: Way
  /** Not part of the stack at its start. */
  spare?: boolean
}

export interface Stage {
  brokers: Engine[]
  postgres: Engine
  /** One of them, by its name. */
  engine(name: string): Engine
  members: Member[]
  member(name: string): Member
  of(kind: Member['kind']): Member[]
  registryUrl: string
  /** Points a command at the engines themselves, past everything that can be cut. */
  access: Record<string, string>
  client: Kafka
  /** Asks the database itself, until there is an answer; a statement may be run twice. Errors: ENGINE_FAILED after two minutes. */
  sql<Row extends object>(text: string, values?: unknown[]): Promise<Row[]>
  /** Nobody trades until what it resolves to is called, and all that closed is in the log. */
  quiet(): Promise<() => void>
  /** With a client of its own; errors are the caller's. */
  admin<T>(work: (admin: Admin) => Promise<T>): Promise<T>
  /** Ends all of it, whatever state it is in. */
  stop(): Promise<void>
}

/** By which way each one calls the database: PostgreSQL itself, or the endpoint. */
const PARTS = [
  { name: 'pm-1', kind: 'pm', store: 'direct' },
  { name: 'pm-2', kind: 'pm', store: 'postgrest' },
  { name: 'learner-1', kind: 'learner', store: 'direct' },
  { name: 'learner-2', kind: 'learner', store: 'direct' },
  { name: 'learner-3', kind: 'learner', store: 'postgrest' },
  { name: 'learner-4', kind: 'learner', store: 'direct', spare: true },
  { name: 'projector-1', kind: 'projector', store: 'direct' },
  { name: 'projector-2', kind: 'projector', store: 'postgrest' },
] as const

const PATIENCE_MS = 120_000

export interface StageOptions {
  dataDir: string
  /** Settings of PostgreSQL over those of embedded/. */
  settings?: Record<string, string>
  /** One, or three. */
  brokers?: number
  /** The engines have disks of their own, which can be full. */
  ownDisks?: boolean
  logger: Logger
  say(sentence: string): void
  signal: AbortSignal
}

/** Errors: JAVA_MISSING, DOWNLOAD_FAILED, ENGINE_FAILED. Nothing is left running after one. */
export async function openStage({
  dataDir,
  settings = {},
  brokers: brokerCount = 1,
  ownDisks: ownDisk = false,
  logger,
  say,
  signal,
}: StageOptions): Promise<Stage> {
  await mkdir(join(dataDir, 'logs'), { recursive: true })
  const secrets = await loadSecrets(dataDir)
  const ports = await findPorts(8 + 3 * PARTS.length + brokerCount * (2 + 2 * (PARTS.length + 1)))
  const port = () => ports.pop()!
  const members: Member[] = []
  const links: Link[] = []
  const link = async (target: number) => {
    const made = await createLink(port(), target)
    links.push(made)
    return made
  }

  const postgresPort = port()
  const postgres = createPostgres({
    dataDir,
    port: postgresPort,
    password: secrets.postgresPassword,
    settings,
    ownDisk,
    logger,
  })
  const urlAt = (at: number) => `postgres://postgres:${secrets.postgresPassword}@127.0.0.1:${at}/postgres`
  const nodes = Array.from({ length: brokerCount }, (_, i) => ({
    name: brokerCount === 1 ? 'kafka' : `kafka-${i + 1}`,
    port: port(),
    controllerPort: port(),
    doors: [] as Door[],
  }))
  /** A way to all brokers, and where it begins. */
  const kafkaWay = async () => {
    const made: Link[] = []
    for (const { doors } of nodes) {
      const inner = port()
      const door = await link(inner)
      doors.push({ port: inner, advertised: door.port })
      made.push(door)
    }
    return { way: together(made), brokers: made.map((door) => `127.0.0.1:${door.port}`).join(',') }
  }
  const environment = (env: Record<string, string>) => ({
    ...Object.fromEntries(
      ['PATH', 'HOME', 'TMPDIR', 'LANG'].flatMap((name) => (process.env[name] ? [[name, process.env[name]]] : [])),
    ),
    LOG_LEVEL: process.env.LOG_LEVEL ?? 'info',
    ...env,
  })
  const add = (
    member: Omit<Member, 'service'> & { name: string; args: string[]; port: number; health: string },
    env: Record<string, string>,
  ) => {
    const { name, args, port: own, health, ...rest } = member
    const service = createService({
      name,
      args,
      port: own,
      health,
      env: environment(env),
      logFile: join(dataDir, 'logs', `${name}.log`),
      clockFile: join(dataDir, `${name}.clock`),
    })
    members.push({ service, ...rest })
    return service
  }

  const endpointPort = port()
  const endpointDatabase = await link(postgresPort)
  add(
    {
      name: 'endpoint',
      kind: 'endpoint',
      args: ['supabase'],
      port: endpointPort,
      health: '/healthz',
      database: endpointDatabase,
    },
    { DATABASE_URL: urlAt(endpointDatabase.port), SUPABASE_SERVICE_ROLE_KEY: secrets.serviceRoleKey },
  )
  const registryKafka = await kafkaWay()
  const registry = add(
    {
      name: 'registry',
      kind: 'registry',
      args: ['registry'],
      port: port(),
      health: '/healthz',
      kafka: registryKafka.way,
    },
    { KAFKA_BROKERS: registryKafka.brokers },
  )
  for (const { name, kind, store, ...rest } of PARTS) {
    const { way: kafka, brokers: KAFKA_BROKERS } = await kafkaWay()
    const database = await link(store === 'direct' ? postgresPort : endpointPort)
    const access: Record<string, string> =
      store === 'direct'
        ? { DATABASE_URL: urlAt(database.port) }
        : { SUPABASE_URL: `http://127.0.0.1:${database.port}`, SUPABASE_SERVICE_ROLE_KEY: secrets.serviceRoleKey }
    add(
      { name, kind, args: [kind, '--child-of', dataDir], port: port(), health: '/readyz', kafka, database, ...rest },
      {
        KAFKA_BROKERS,
        SCHEMA_REGISTRY_URL: registry.url,
        SCHEMA_REGISTRY_UNKNOWN_AFTER_SECONDS: '5',
        STRANDLINE_STORE: store,
        ...access,
      },
    )
  }
  const clusterId = createClusterId()
  const voters = nodes.map(({ controllerPort }, i) => `${i + 1}@127.0.0.1:${controllerPort}`)
  const brokers = nodes.map((node, i) => {
    const quorum = brokerCount === 1 ? undefined : { clusterId, nodeId: i + 1, voters }
    return createBroker({ ...node, dataDir, quorum, ownDisk, logger })
  })
  const client = new kafkajs.Kafka({
    clientId: 'torture',
    brokers: nodes.map((node) => `127.0.0.1:${node.port}`),
    logLevel: kafkajs.logLevel.NOTHING,
    retry: { retries: 8, initialRetryTime: 200, maxRetryTime: 2_000 },
  })
  const pool = new pg.Pool({
    connectionString: urlAt(postgresPort),
    max: 6,
    connectionTimeoutMillis: 5_000,
    query_timeout: 60_000,
    options: '-c statement_timeout=55000',
  })
  pool.on('error', () => {}) // it was killed; whoever asks next gets another connection

  async function stop(): Promise<void> {
    await Promise.allSettled(members.map((m) => m.service.kill()))
    await pool.end().catch(() => {})
    await Promise.allSettled([...brokers.map((b) => b.stop()), postgres.stop(), ...links.map((l) => l.close())])
  }

  const stage: Stage = {
    brokers,
    postgres,
    engine: (name) => [...brokers, postgres].find((e) => e.name === name)!,
    members,
    member: (name) => members.find((m) => m.service.name === name)!,
    of: (kind) => members.filter((m) => m.kind === kind && !m.spare),
    registryUrl: registry.url,
    access: environment({
      KAFKA_BROKERS: nodes.map((node) => `127.0.0.1:${node.port}`).join(','),
      SCHEMA_REGISTRY_URL: registry.url,
      DATABASE_URL: urlAt(postgresPort),
      SUPABASE_URL: `http://127.0.0.1:${endpointPort}`,
      SUPABASE_SERVICE_ROLE_KEY: secrets.serviceRoleKey,
      STRANDLINE_STORE: 'direct',
    }),
    client,
    async sql<Row extends object>(text: string, values: unknown[] = []) {
      for (const until = Date.now() + PATIENCE_MS; ; await sleep(200)) {
        try {
          return (await pool.query<Row>(text, values)).rows
        } catch (error) {
          const state = stateOf(error)
          // what PostgreSQL says about a statement is ours; being away, starting or ending is not
          if (state && !/^(08|57|53|40)/.test(state)) throw error
          if (Date.now() > until)
            throw new StrandlineError('ENGINE_FAILED', `PostgreSQL has not answered for ${PATIENCE_MS / 1000} s.`, {
              todo: `See ${join(dataDir, 'logs', 'postgres.log')}.`,
              cause: error,
            })
        }
      }
    },
    async admin(work) {
      const admin = client.admin()
      try {
        await admin.connect()
        return await work(admin)
      } finally {
        await admin.disconnect().catch(() => {})
      }
    },
    quiet: async () => () => {}, // nobody trades yet
    stop,
  }

  try {
    const engines = await Promise.allSettled([...brokers, postgres].map((e) => e.up(signal)))
    for (const engine of engines) if (engine.status === 'rejected') throw engine.reason
    signal.throwIfAborted()
    await withClient(urlAt(postgresPort), (sql) => prepareOwnCluster(sql, secrets.apiPassword))
    await migrate(urlAt(postgresPort))
    say('Kafka and PostgreSQL are up.')
    const start = async (kinds: Member['kind'][]) => {
      const some = members.filter((m) => kinds.includes(m.kind) && !m.spare)
      for (const { service } of some) service.up()
      await Promise.all(some.map((m) => m.service.ready(signal)))
      signal.throwIfAborted()
    }
    await start(['endpoint', 'registry'])
    await start(['pm'])
    await start(['learner', 'projector'])
    say(`${members.filter((m) => !m.spare).length} services are up.`)
    return stage
  } catch (error) {
    await stop()
    throw error
  }
}
