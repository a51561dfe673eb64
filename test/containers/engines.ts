/**
 * vitest's global setup for the container tests: the engines of test/support/engines.ts, in containers that testcontainers starts. The same spec files
 * run on either. Host ports are chosen here and stay, so that a container that was killed comes back at the address that its clients know.
 */
import { execFile } from 'node:child_process'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import { RedpandaContainer } from '@testcontainers/redpanda'
import { GenericContainer, type StartedTestContainer, Wait } from 'testcontainers'
import type { TestProject } from 'vitest/node'
import { freePort } from '../../core/ports.ts'
import { startRegistry } from '../../services/registry/index.ts'
import { makeTemplate, openDesk, PASSWORD, type StartedEngine } from '../support/engine-desk.ts'
import { canBeHad, chooseImages } from './images.ts'

const docker = async (...args: string[]) => (await promisify(execFile)('docker', args)).stdout.trim()
const OWNER = 'strandline.test.pid'
const labels = { [OWNER]: String(process.pid) }
const DOWN_MS = 1_500
/** A machine that does much else starts a JVM slowly. */
const STARTUP_MS = 180_000

export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  await removeOrphans()
  // Ryuk removes what a killed run leaves; where it cannot be had, the next run does.
  if (!(await canBeHad('testcontainers/ryuk:0.14.0'))) process.env.TESTCONTAINERS_RYUK_DISABLED ??= 'true'
  const images = await chooseImages()
  process.stderr.write(`Container tests on ${images.broker.image} and ${images.postgres}\n`)
  return openDesk(project, {
    postgres: { start: () => startPostgres(images.postgres) },
    kafka: {
      start: () =>
        images.broker.kind === 'kafka' ? startKafka(images.broker.image) : startRedpanda(images.broker.image),
    },
  })
}

async function startRedpanda(image: string): Promise<StartedEngine> {
  const container = await new RedpandaContainer(image)
    .withLabels(labels)
    .withStartupTimeout(STARTUP_MS)
    .withExposedPorts({ container: 9092, host: await freePort() }, { container: 8081, host: await freePort() })
    .start()
  return engine(container, {
    brokers: container.getBootstrapServers(),
    registryUrl: container.getSchemaRegistryAddress(),
  })
}

async function startKafka(image: string): Promise<StartedEngine> {
  const port = await freePort()
  const container = await new GenericContainer(image)
    .withLabels(labels)
    .withStartupTimeout(STARTUP_MS)
    .withExposedPorts({ container: 19092, host: port })
    .withEnvironment({
      KAFKA_NODE_ID: '1',
      KAFKA_PROCESS_ROLES: 'broker,controller',
      KAFKA_LISTENERS: 'PLAINTEXT://:9092,EXTERNAL://:19092,CONTROLLER://:9093',
      KAFKA_ADVERTISED_LISTENERS: `PLAINTEXT://localhost:9092,EXTERNAL://127.0.0.1:${port}`,
      KAFKA_LISTENER_SECURITY_PROTOCOL_MAP: 'PLAINTEXT:PLAINTEXT,EXTERNAL:PLAINTEXT,CONTROLLER:PLAINTEXT',
      KAFKA_INTER_BROKER_LISTENER_NAME: 'PLAINTEXT',
      KAFKA_CONTROLLER_LISTENER_NAMES: 'CONTROLLER',
      KAFKA_CONTROLLER_QUORUM_VOTERS: '1@localhost:9093',
      KAFKA_OFFSETS_TOPIC_REPLICATION_FACTOR: '1',
      KAFKA_TRANSACTION_STATE_LOG_REPLICATION_FACTOR: '1',
      KAFKA_TRANSACTION_STATE_LOG_MIN_ISR: '1',
      KAFKA_GROUP_INITIAL_REBALANCE_DELAY_MS: '0',
      KAFKA_AUTO_CREATE_TOPICS_ENABLE: 'false',
      KAFKA_OFFSETS_TOPIC_NUM_PARTITIONS: '4',
      KAFKA_TRANSACTION_STATE_LOG_NUM_PARTITIONS: '4',
      KAFKA_MESSAGE_MAX_BYTES: String(8 << 20),
    })
    .withWaitStrategy(Wait.forLogMessage(/Kafka Server started/))
    .start()
  const brokers = `127.0.0.1:${port}`
  const registry = await startRegistry({ brokers: [brokers], port: 0 })
  const { stop, ...rest } = engine(container, { brokers, registryUrl: registry.url })
  return {
    ...rest,
    async stop() {
      await registry.stop()
      await stop()
    },
  }
}

async function startPostgres(image: string): Promise<StartedEngine> {
  const port = await freePort()
  const container = await new GenericContainer(image)
    .withLabels(labels)
    .withStartupTimeout(STARTUP_MS)
    .withExposedPorts({ container: 5432, host: port })
    .withEnvironment({ POSTGRES_PASSWORD: PASSWORD })
    // The data need not outlive the machine, only the container's death.
    .withCommand(['postgres', '-c', 'max_connections=200', '-c', 'fsync=off'])
    // The server that runs while the data directory is made listens on no TCP port. No health check: it would go on, a process in the container each time.
    .withWaitStrategy(Wait.forSuccessfulCommand('pg_isready --host 127.0.0.1 --username postgres'))
    .start()
  const url = `postgres://postgres:${PASSWORD}@127.0.0.1:${port}/postgres`
  await makeTemplate(url)
  return engine(container, { url })
}

/** `crash`: SIGKILL to the container, and the same one started again, as after a power cut. */
function engine(container: StartedTestContainer, answer: object): StartedEngine {
  return {
    answer,
    actions: {
      async crash() {
        await docker('kill', '--signal', 'KILL', container.getId())
        await sleep(DOWN_MS)
        await docker('start', container.getId())
      },
    },
    stop: async () => void (await container.stop({ timeout: 10_000, removeVolumes: true })),
  }
}

/** Containers of earlier runs whose process is gone. */
async function removeOrphans(): Promise<void> {
  const rows = await docker('ps', '--all', '--filter', `label=${OWNER}`, '--format', `{{.ID}} {{.Label "${OWNER}"}}`)
  for (const row of rows.split('\n').filter(Boolean)) {
    const [id = '', pid] = row.split(' ')
    try {
      process.kill(Number(pid), 0)
    } catch {
      await docker('rm', '--force', '--volumes', id)
    }
  }
}
