/** The engines, as `./strandline up` starts them. In a process of their own: what lite costs can be told from what the benchmark costs. */
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { createLogger } from '../../core/logger.ts'
import { freePort } from '../../core/ports.ts'
import type { ServiceName } from '../../core/stack/layout.ts'
import { type Database, startDatabase } from '../../embedded/database.ts'
import { type Kafka, startKafka } from '../../embedded/kafka.ts'
import { type ServiceProcess, startServiceProcess } from '../../embedded/service-process.ts'
import { startRegistry } from '../../services/registry/index.ts'
import { type Profiling, startProfiling } from './profiler.ts'
import { serve } from './serve.ts'

export interface KafkaAddress {
  brokers: string
  registryUrl: string
  pid: number
  version: string
}

export interface DatabaseAddress {
  databaseUrl: string
  supabaseUrl: string
  key: string
  pid: number
}

export interface ServiceAddress {
  url: string
  pid: number
}

const dataDir = process.env.BENCH_DATA_DIR as string
const logger = createLogger({ name: 'bench', level: 'warn' })
const databases = new Map<string, Database>()
const services: ServiceProcess[] = []
let profiling: Profiling | undefined
let kafka: Kafka | undefined
let registry: Awaited<ReturnType<typeof startRegistry>> | undefined

async function stopDatabase(name: string): Promise<void> {
  const database = databases.get(name)
  databases.delete(name)
  await database?.stop()
}

async function stopServices(): Promise<void> {
  await Promise.all(services.splice(0).map((service) => service.stop()))
}

serve(
  {
    async kafka({ jvm }: { jvm?: string[] }): Promise<KafkaAddress> {
      kafka = await startKafka({
        dataDir: join(dataDir, 'kafka'),
        port: await freePort(),
        controllerPort: await freePort(),
        logFile: join(dataDir, 'logs', 'kafka.log'),
        jvm,
        logger,
      })
      registry = await startRegistry({ brokers: [kafka.brokers], port: 0 })
      return { brokers: kafka.brokers, registryUrl: registry.url, pid: kafka.pid, version: kafka.version }
    },
    async database({ name, settings }: { name: string; settings?: Record<string, string> }): Promise<DatabaseAddress> {
      const database = await startDatabase({
        dataDir: join(dataDir, name),
        postgresPort: await freePort(),
        supabasePort: await freePort(),
        settings,
        logger,
      })
      databases.set(name, database)
      const { databaseUrl, supabaseUrl, serviceRoleKey, postgres } = database
      return { databaseUrl, supabaseUrl, key: serviceRoleKey, pid: postgres.pid }
    },
    stopDatabase: ({ name }: { name: string }) => stopDatabase(name),
    /** Resolves once the service is ready. */
    async service({ name, env }: { name: ServiceName; env: Record<string, string> }): Promise<ServiceAddress> {
      const service = await startServiceProcess({
        name,
        port: await freePort(),
        dataDir,
        env,
        logFile: join(dataDir, 'logs', `${name}.log`),
        say: (sentence) => logger.warn(sentence),
      })
      services.push(service)
      return { url: service.url, pid: service.pid }
    },
    stopServices,
    /** Of this process: lite, and the registry, which has little to do. */
    async startProfiling(): Promise<void> {
      profiling = await startProfiling()
    },
    stopProfiling: async () => profiling?.stop(),
  },
  async () => {
    await stopServices()
    await registry?.stop()
    await Promise.all([...databases.keys()].map(stopDatabase))
    await kafka?.stop()
    // here, so that it also happens when whoever started this was killed
    if (!process.env.BENCH_KEEP) await rm(dataDir, { recursive: true, force: true })
  },
)
