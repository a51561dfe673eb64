/** A real Kafka 3.9 of the test's own: the last one that still answers old clients. Kafka 4 took their requests out (KIP-896). */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pino } from 'pino'
import { freePort } from '../../core/ports.ts'
import { startKafka } from '../../embedded/kafka.ts'
import { ensureKafkaJars } from '../../embedded/kafka-jars.ts'
import { startRegistry } from '../../services/registry/index.ts'
import { type TestKafka, testKafkaAt } from './kafka.ts'
import lock from './kafka-3/jars.lock.json' with { type: 'json' }

export async function startKafka3(): Promise<TestKafka> {
  const logger = pino({ level: process.env.TEST_LOG ?? 'silent' })
  const dir = await mkdtemp(join(tmpdir(), 'strandline-kafka-3-'))
  const kafka = await startKafka({
    dataDir: join(dir, 'kafka'),
    logFile: join(dir, 'kafka.log'),
    port: await freePort(),
    controllerPort: await freePort(),
    jars: await ensureKafkaJars({ jars: lock.jars, version: lock.kafka }),
    logger,
  })
  const registry = await startRegistry({ brokers: [kafka.brokers], port: 0, logger })
  const client = testKafkaAt({ brokers: kafka.brokers, registryUrl: registry.url })
  return {
    ...client,
    async close() {
      await client.close()
      await registry.stop()
      await kafka.stop()
      await rm(dir, { recursive: true, force: true })
    },
  }
}
