/**
 * vitest's global setup for integration tests: one embedded PostgreSQL for the whole run, where each file has a database of its own, and for each file that
 * runs an embedded Kafka with a schema registry that no other one uses: consumer groups have the same names in every file.
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestProject } from 'vitest/node'
import { createLogger } from '../../core/logger.ts'
import { freePort } from '../../core/ports.ts'
import { startKafka } from '../../embedded/kafka.ts'
import { startPostgres } from '../../embedded/postgres.ts'
import { startRegistry } from '../../services/registry/index.ts'
import { makeTemplate, openDesk, PASSWORD } from './engine-desk.ts'

export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const dir = await mkdtemp(join(tmpdir(), 'strandline-test-'))
  const logger = createLogger({ name: 'test-engines', level: process.env.LOG_LEVEL || 'warn' })
  const close = await openDesk(project, {
    postgres: {
      async start() {
        const postgres = await startPostgres({
          dataDir: join(dir, 'postgres'),
          port: await freePort(),
          password: PASSWORD,
          logFile: join(dir, 'postgres.log'),
          // The data need not outlive the machine, only kill -9 of the processes.
          settings: { fsync: 'off', shared_buffers: '128MB', max_connections: '200' },
          logger,
        })
        await makeTemplate(postgres.url())
        return { answer: { url: postgres.url() }, stop: () => postgres.stop() }
      },
    },
    kafka: {
      unshared: true,
      async start(number) {
        const kafka = await startKafka({
          dataDir: join(dir, `kafka-${number}`),
          port: await freePort(),
          controllerPort: await freePort(),
          logFile: join(dir, `kafka-${number}.log`),
          logger,
        })
        const registry = await startRegistry({ brokers: [kafka.brokers], port: 0, logger })
        return {
          answer: { brokers: kafka.brokers, registryUrl: registry.url },
          async stop() {
            await registry.stop()
            await kafka.stop()
          },
        }
      },
    },
  })
  return async () => {
    await close()
    await rm(dir, { recursive: true, force: true })
  }
}
