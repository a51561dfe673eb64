/** The doctor: looks at everything, changes nothing, and says what is wrong in the order of what to do. */
import type { Logger } from 'pino'
import { Registry } from 'prom-client'
import type { Clock } from '../core/clock.ts'
import { createCodec } from '../core/codec/position-closed-codec.ts'
import type { Config } from '../core/config.ts'
import { createLagStore } from '../core/lag/lag-store.ts'
import { readLag } from '../core/lag/read-lag.ts'
import { createKafkaLog } from '../core/log/kafka-log.ts'
import type { EventLog } from '../core/log/log.ts'
import { createPostgresStore } from '../core/store/postgres-store.ts'
import { createPostgrestStore } from '../core/store/postgrest-store.ts'
import type { Store } from '../core/store/store.ts'
import { audit } from '../services/audit/audit.ts'
import { type DatabaseSeen, inspectDatabase } from './database/database.ts'
import { type Finding, info, type Report, reportOf } from './finding.ts'
import { inspect } from './inspect.ts'
import { judgeAudit } from './judge-audit.ts'
import { brokerSkew, judgeBrokerClock, judgeNewestRecord } from './log/broker-clock.ts'
import { inspectCluster } from './log/cluster.ts'
import { judgeCluster } from './log/judge-cluster.ts'
import { judgeLag } from './log/judge-lag.ts'
import { inspectRegistry, judgeRegistry } from './log/registry.ts'
import { inspectApi, judgeApi } from './rest/api.ts'
import { inspectHosted } from './rest/hosted.ts'
import { createHostedProject } from './rest/hosted-store.ts'
import { judgeKey, judgeProjects } from './rest/key.ts'
import { inspectWays } from './rest/ways.ts'
import { inspectServices } from './services.ts'
import type { Targets } from './targets.ts'
import { judgeNode } from './versions.ts'

/** A request over REST; a hosted project ends a statement after 8 s. Milliseconds. */
const REQUEST_MS = 10_000
/** The audit reads the whole log: beyond so many records it is left to whoever asks for it. */
const AUDITED_RECORDS = 50_000

/** Never throws for what it looks at, and has an end: each look has one (doctor/inspect.ts). */
export async function examine(targets: Targets, { clock, logger }: { clock: Clock; logger: Logger }): Promise<Report> {
  const findings: Finding[] = [...targets.findings, ...judgeNode()]
  const say = (found: Finding[]) => void findings.push(...found)
  const { databaseUrl, supabase, kafka, registry, config } = targets
  const store = supabase && createPostgrestStore({ ...supabase, timeoutMs: REQUEST_MS })
  /** Where nothing names the API, the loop is looked at over the database's own URL. */
  const direct =
    databaseUrl && !supabase ? createPostgresStore({ url: databaseUrl, max: 2, timeoutMs: REQUEST_MS }) : undefined
  const log = kafka && createKafkaLog({ kafka }, logger)
  try {
    let database: DatabaseSeen | undefined
    const atDatabase = databaseUrl
      ? inspect(
          'database',
          'The database',
          async () => {
            const ask = { url: databaseUrl, topic: config.topic, now: () => clock.now() }
            database = await inspectDatabase(ask, say)
            return []
          },
          40_000,
        )
      : Promise.resolve([])
    let cluster = false
    const atCluster =
      kafka && log
        ? inspect('broker', 'Kafka', async () => {
            const found = await inspectCluster({ kafka }, [config.topic, config.deadLetterTopic], logger)
            cluster = found.topics.has(config.topic)
            const settings = await log.topicSettings([config.topic, config.deadLetterTopic])
            return judgeCluster(found, settings, config)
          })
        : []
    const atRegistry = registry
      ? inspect('registry', 'The schema registry', async () =>
          judgeRegistry(await inspectRegistry(registry, config.topic)),
        )
      : []
    const atServices = inspect('services', 'The services', () => inspectServices(targets.services, targets.headers))
    const api = supabase && store ? await inspectApi(createLagStore(store), config.topic) : undefined
    say(await atDatabase)
    if (supabase && store && api) {
      say(judgeKey(supabase.key, supabase.url, clock.now()))
      say(judgeApi(api, databaseUrl ? (database?.migrated ?? null) : null))
      if (databaseUrl) {
        say(judgeProjects(supabase.url, databaseUrl))
        if (api.state === 'ok' && database?.migrated)
          say(await inspect('settings', 'Both ways to the database', () => inspectWays(databaseUrl, supabase)))
      }
      if (!databaseUrl && (api.state === 'ok' || api.state === 'unknown'))
        say(
          await inspect(
            'database',
            'The project',
            async () => {
              await inspectHosted(createHostedProject(store), api.state === 'ok', () => clock.now(), say)
              return []
            },
            40_000,
          ),
        )
    }
    for (const found of await Promise.all([atCluster, atRegistry, atServices])) say(found)
    if (log && cluster) {
      say(await inspect('clocks', "The broker's clock", () => brokerClock(log, config.topic, database, clock)))
      const way = api?.state === 'ok' ? store : database?.migrated ? direct : undefined
      if (way) say(await loop(targets, { store: way, log, clock, logger }))
    }
  } finally {
    await log?.close().catch(() => undefined)
    await direct?.close().catch(() => undefined)
  }
  return reportOf(findings)
}

async function brokerClock(
  log: EventLog,
  topic: string,
  database: DatabaseSeen | undefined,
  clock: Clock,
): Promise<Finding[]> {
  const settings = (await log.topicSettings([topic]))?.get(topic)
  if (settings?.['message.timestamp.type'] !== 'LogAppendTime') return [] // whose time a record has, nobody knows
  const placed = database?.placed ?? []
  const marked = await log.recordsAt(topic, new Map(placed.map((p) => [p.partition, p.offset])))
  const ends = (await log.offsets(topic)).filter((r) => r.end > r.start)
  const newest = await log.recordsAt(topic, new Map(ends.map((r) => [r.partition, r.end - 1])))
  const times = [...newest.values()].filter((r) => r !== null).map((r) => r.timestamp)
  return [
    ...judgeBrokerClock(brokerSkew(placed, marked)),
    ...judgeNewestRecord(times.length > 0 ? Math.max(...times) : null, clock.now()),
  ]
}

/** The loop as a whole: who reads, how far, and whether what was learned is what the log gives. */
async function loop(
  { config: settings, databaseUrl, kafka, registry, supabase }: Targets,
  deps: { store: Store; log: EventLog; clock: Clock; logger: Logger },
): Promise<Finding[]> {
  const { store, log, clock, logger } = deps
  let records = 0
  const lag = await inspect('consumers', 'Who reads the log', async () => {
    const ranges = await log.offsets(settings.topic)
    records = ranges.reduce((sum, r) => sum + r.end - r.start, 0)
    return judgeLag(await readLag({ lag: createLagStore(store), log, clock }, settings.topic), records)
  })
  if (lag.some((f) => f.severity === 'error') || !kafka || !registry) return lag
  if (records > AUDITED_RECORDS)
    return [
      ...lag,
      info('audit', 'The log is too long to be counted here.', './strandline audit says where every closed trade is.'),
    ]
  const config: Config = {
    ...settings,
    kafka,
    registry,
    store: supabase ? 'postgrest' : 'direct',
    databaseUrl,
    supabase,
  }
  const audited = await inspect('audit', 'Where every closed trade is', async () =>
    judgeAudit(await audit({ config, store, log, codec: createCodec(config), clock, logger, metrics: new Registry() })),
  )
  return [...lag, ...audited]
}
