/** Configuration, read and checked from the environment: a part for each need. A wrong value is named with what would be right. */
import { readFileSync } from 'node:fs'
import { POSITION_CLOSED } from '../domain/event-type.ts'
import { StrandlineError } from './errors.ts'
import { faultOfUrl } from './store/postgres-url.ts'

export interface KafkaConfig {
  brokers: string[]
  ssl?: { ca?: string; rejectUnauthorized: boolean }
  sasl?: { mechanism: 'plain' | 'scram-sha-256' | 'scram-sha-512'; username: string; password: string }
}

export interface RegistryConfig {
  url: string
  username?: string
  password?: string
  /** For how long the registry must deny a schema until its records are refused. Default: two minutes. */
  unknownAfterMs?: number
}

export interface SupabaseConfig {
  url: string
  key: string
}

export interface DatabaseConfig {
  /** By which way the database is called: PostgreSQL itself, or PostgREST. */
  store: 'direct' | 'postgrest'
  /** postgres:// URL; there where `store` is direct. */
  databaseUrl?: string
  /** There where `store` is postgrest. */
  supabase?: SupabaseConfig
}

/** What is set about the loop itself, wherever its engines are. */
export interface LoopConfig {
  topic: string
  deadLetterTopic: string
  partitions: number
  model: string
  logLevel: string
  /** A consumer without a checkpoint begins a log whose first records are gone. */
  acceptTruncatedLog: boolean
  /** Learner and projector wait for the disk, too, although the log can restore what they write. */
  sync: boolean
  /** The topic may lose records: by its retention, or by compaction. */
  acceptLogSettings: boolean
  /** Where the outbox goes into this one, it goes into `topic` from now on. */
  leaveTopic: string | null
  retention: Retention
}

/** After how many days what only grows keeps no more than what recognises a trade; null: never. */
export interface Retention {
  /** Of the outbox, which holds a copy of the log. */
  outboxDays: number | null
  /** Of everything else. */
  days: number | null
}

/** What works with all engines. Whoever needs one of them reads that part alone. */
export interface Config extends DatabaseConfig, LoopConfig {
  kafka: KafkaConfig
  registry: RegistryConfig
}

type Env = Record<string, string | undefined>

/** Errors: CONFIG_INVALID where it is not set. */
export function required(env: Env, name: string, example: string): string {
  const value = env[name]?.trim()
  if (!value)
    throw new StrandlineError('CONFIG_INVALID', `${name} is not set.`, { todo: `Set it, e.g. ${name}=${example}.` })
  return value
}

function httpUrl(env: Env, name: string, example: string): string {
  const value = required(env, name, example)
  if (!/^https?:\/\/[^\s]+$/.test(value) || !URL.canParse(value))
    throw new StrandlineError('CONFIG_INVALID', `${name} is not an http(s) URL.`, { todo: `Write it like ${example}.` })
  return value.replace(/\/+$/, '')
}

function oneOf<T extends string>(env: Env, name: string, allowed: readonly T[], fallback: T): T {
  const value = env[name]?.trim()
  if (!value) return fallback
  if (!allowed.includes(value as T))
    throw new StrandlineError('CONFIG_INVALID', `${name} is '${value}'.`, {
      todo: `Use one of: ${allowed.join(', ')}.`,
    })
  return value as T
}

export const LOG_LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'silent'] as const
export type LogLevel = (typeof LOG_LEVELS)[number]

/** LOG_LEVEL, checked. Errors: CONFIG_INVALID. */
export function logLevel(fallback: LogLevel = 'info', env: Env = process.env): LogLevel {
  return oneOf(env, 'LOG_LEVEL', LOG_LEVELS, fallback)
}

/** As milliseconds; undefined when it is not set. */
function seconds(env: Env, name: string, most: number): number | undefined {
  const text = env[name]?.trim()
  if (!text) return undefined
  const value = Number(text)
  if (!(value >= 0 && value <= most))
    throw new StrandlineError('CONFIG_INVALID', `${name} is '${text}'.`, { todo: `Use seconds, from 0 to ${most}.` })
  return value * 1000
}

function days(env: Env, name: string, fallback: number): number | null {
  const text = env[name]?.trim() || String(fallback)
  if (text === 'never') return null
  const value = Number(text)
  if (!(Number.isInteger(value) && value >= 1 && value <= 36_500))
    throw new StrandlineError('CONFIG_INVALID', `${name} is '${text}'.`, {
      todo: 'Use a whole number of days, from 1 to 36500, or never.',
    })
  return value
}

function brokers(env: Env): string[] {
  const list = required(env, 'KAFKA_BROKERS', '127.0.0.1:19092')
    .split(',')
    .map((b) => b.trim())
    .filter(Boolean)
  for (const b of list)
    if (!/^[^\s:/]+:\d{1,5}$/.test(b) && !/^\[[0-9a-f:]+\]:\d{1,5}$/i.test(b))
      throw new StrandlineError('CONFIG_INVALID', `KAFKA_BROKERS has '${b}'.`, {
        todo: 'Write host:port, several separated by commas.',
      })
  return list
}

function security(env: Env): Pick<KafkaConfig, 'ssl' | 'sasl'> {
  const protocol = oneOf(
    env,
    'KAFKA_SECURITY_PROTOCOL',
    ['PLAINTEXT', 'SSL', 'SASL_PLAINTEXT', 'SASL_SSL'] as const,
    'PLAINTEXT',
  )
  const out: Pick<KafkaConfig, 'ssl' | 'sasl'> = {}
  if (protocol.endsWith('SSL')) {
    const caFile = env.KAFKA_SSL_CA_FILE?.trim()
    let ca: string | undefined
    if (caFile) {
      try {
        ca = readFileSync(caFile, 'utf8')
      } catch (cause) {
        throw new StrandlineError('CONFIG_INVALID', `KAFKA_SSL_CA_FILE names ${caFile}, which cannot be read.`, {
          todo: 'Give the path of a PEM file.',
          cause,
        })
      }
    }
    out.ssl = ca ? { ca, rejectUnauthorized: true } : { rejectUnauthorized: true }
  }
  if (protocol.startsWith('SASL')) {
    const mechanism = oneOf(env, 'KAFKA_SASL_MECHANISM', ['PLAIN', 'SCRAM-SHA-256', 'SCRAM-SHA-512'] as const, 'PLAIN')
    out.sasl = {
      mechanism: mechanism.toLowerCase() as 'plain' | 'scram-sha-256' | 'scram-sha-512',
      username: required(env, 'KAFKA_SASL_USERNAME', 'strandline'),
      password: required(env, 'KAFKA_SASL_PASSWORD', '…'),
    }
  }
  return out
}

/** Errors of this and all below: CONFIG_INVALID. */
export const readKafkaConfig = (env: Env): KafkaConfig => ({ brokers: brokers(env), ...security(env) })

export const readRegistryConfig = (env: Env): RegistryConfig => ({
  url: httpUrl(env, 'SCHEMA_REGISTRY_URL', 'http://127.0.0.1:18081'),
  username: env.SCHEMA_REGISTRY_USERNAME || undefined,
  password: env.SCHEMA_REGISTRY_PASSWORD || undefined,
  unknownAfterMs: seconds(env, 'SCHEMA_REGISTRY_UNKNOWN_AFTER_SECONDS', 86_400),
})

export const readSupabaseConfig = (env: Env): SupabaseConfig => ({
  url: httpUrl(env, 'SUPABASE_URL', 'http://127.0.0.1:54321'),
  key: required(env, 'SUPABASE_SERVICE_ROLE_KEY', 'sb_secret_…'),
})

const isPostgresUrl = (url: string): boolean => URL.canParse(url) && /^postgres(ql)?:$/.test(new URL(url).protocol)

/** @param source where it was read, for the sentence: DATABASE_URL, --database-url */
export function requirePostgresUrl(url: string, source: string): string {
  if (!isPostgresUrl(url))
    throw new StrandlineError('CONFIG_INVALID', `${source} is not the URL of a PostgreSQL.`, {
      todo: 'Write it like postgres://user:password@127.0.0.1:5432/postgres.',
    })
  const fault = faultOfUrl(url)
  if (fault !== undefined)
    throw new StrandlineError('CONFIG_INVALID', `${source} cannot be used: ${fault}.`, {
      todo: 'See docs/operations.md, "Two ways to the database", for the settings of TLS.',
    })
  return url
}

/** STRANDLINE_STORE, checked; the direct way where it is open. */
export const readStoreWay = (env: Env): DatabaseConfig['store'] =>
  oneOf(env, 'STRANDLINE_STORE', ['direct', 'postgrest'] as const, env.DATABASE_URL?.trim() ? 'direct' : 'postgrest')

/** Where both ways are named, the direct one is taken; STRANDLINE_STORE says otherwise. */
export function readDatabaseConfig(env: Env): DatabaseConfig {
  const databaseUrl = env.DATABASE_URL?.trim() || undefined
  const store = readStoreWay(env)
  if (store === 'direct') {
    if (!databaseUrl)
      throw new StrandlineError('CONFIG_INVALID', 'STRANDLINE_STORE is direct, and DATABASE_URL is not set.', {
        todo: 'Set it, e.g. DATABASE_URL=postgres://postgres:…@127.0.0.1:5432/postgres.',
      })
    requirePostgresUrl(databaseUrl, 'DATABASE_URL')
  }
  const named = store === 'postgrest' || (env.SUPABASE_URL?.trim() && env.SUPABASE_SERVICE_ROLE_KEY?.trim())
  return { store, databaseUrl, supabase: named ? readSupabaseConfig(env) : undefined }
}

export function readLoopConfig(env: Env): LoopConfig {
  const topic = env.STRANDLINE_TOPIC?.trim() || POSITION_CLOSED.topic
  const partitions = Number(env.STRANDLINE_PARTITIONS?.trim() || 6)
  if (!Number.isInteger(partitions) || partitions < 1 || partitions > 1024)
    throw new StrandlineError('CONFIG_INVALID', `STRANDLINE_PARTITIONS is '${env.STRANDLINE_PARTITIONS}'.`, {
      todo: 'Use a whole number from 1 to 1024.',
    })
  return {
    topic,
    deadLetterTopic: env.STRANDLINE_DEAD_LETTER_TOPIC?.trim() || `${topic}.dead-letter`,
    partitions,
    model: env.STRANDLINE_MODEL?.trim() || 'lowcap-v4',
    acceptTruncatedLog: oneOf(env, 'STRANDLINE_ACCEPT_TRUNCATED_LOG', ['yes', 'no'] as const, 'no') === 'yes',
    acceptLogSettings: oneOf(env, 'STRANDLINE_ACCEPT_LOG_SETTINGS', ['yes', 'no'] as const, 'no') === 'yes',
    leaveTopic: env.STRANDLINE_LEAVE_TOPIC?.trim() || null,
    sync: oneOf(env, 'STRANDLINE_SYNC', ['on', 'off'] as const, 'off') === 'on',
    retention: {
      outboxDays: days(env, 'STRANDLINE_OUTBOX_RETENTION_DAYS', 365),
      days: days(env, 'STRANDLINE_RETENTION_DAYS', 90),
    },
    logLevel: logLevel('info', env),
  }
}

export const readConfig = (env: Env = process.env): Config => ({
  kafka: readKafkaConfig(env),
  registry: readRegistryConfig(env),
  ...readDatabaseConfig(env),
  ...readLoopConfig(env),
})
