import { once } from 'node:events'
import { chmod, cp, mkdtemp, readdir, readFile, rm, truncate, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Kafka as KafkaJs, logLevel } from 'kafkajs'
import { pino } from 'pino'
import { afterAll, afterEach, beforeAll, expect, test, vi } from 'vitest'
import { freePort } from '../../core/ports.ts'
import { isAlive } from '../../core/processes.ts'
import { type Kafka, startKafka } from '../../embedded/kafka.ts'
import { ensureKafkaJars } from '../../embedded/kafka-jars.ts'
import { makeCertificates } from '../security/certificates.ts'
import { startOnFreePorts } from '../support/engine-desk.ts'
import { PATIENT } from '../support/patience.ts'

const logger = pino({ level: 'silent' })
let dir: string
const running: Kafka[] = []

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'strandline kafka-'))
})
afterEach(async () => {
  for (const kafka of running.splice(0)) if (isAlive(kafka.pid)) await kafka.stop()
})
afterAll(() => rm(dir, { recursive: true, force: true }))

async function start(folder: string, changes: Partial<Parameters<typeof startKafka>[0]> = {}): Promise<Kafka> {
  const attempt = async () =>
    startKafka({
      dataDir: join(dir, folder),
      port: await freePort(),
      controllerPort: await freePort(),
      logFile: join(dir, `${folder}.log`),
      logger,
      ...changes,
    })
  const kafka = await (changes.port === undefined ? startOnFreePorts(attempt) : attempt())
  running.push(kafka)
  return kafka
}

const client = (brokers: string, more = {}) =>
  new KafkaJs({
    brokers: [brokers],
    logLevel: logLevel.NOTHING,
    connectionTimeout: 30_000,
    retry: { retries: 3 },
    ...more,
  })

async function write(kafka: Kafka, topic: string, value: string): Promise<void> {
  const producer = client(kafka.brokers).producer({ idempotent: true })
  await producer.connect()
  await producer.send({ topic, messages: [{ key: 'k', value }] })
  await producer.disconnect()
}

/** A broker that answers may not be the leader of all of its partitions yet. */
async function end(kafka: Kafka, topic: string): Promise<number> {
  const admin = client(kafka.brokers).admin()
  await admin.connect()
  const offsets = await vi.waitFor(() => admin.fetchTopicOffsets(topic), PATIENT)
  await admin.disconnect()
  return offsets.reduce((sum, o) => sum + Number(o.high), 0)
}

async function createTopic(kafka: Kafka, topic: string): Promise<void> {
  const admin = client(kafka.brokers).admin()
  await admin.connect()
  await admin.createTopics({ topics: [{ topic, numPartitions: 3 }], waitForLeaders: true })
  await admin.disconnect()
}

test('records outlive a stop, a kill -9 and a change of ports, in a folder with a space in its name', async () => {
  const first = await start('a')
  await createTopic(first, 'trades')
  await write(first, 'trades', 'one')
  await first.stop()
  expect(isAlive(first.pid)).toBe(false)

  const second = await start('a')
  expect(second.port).not.toBe(first.port)
  expect(await end(second, 'trades')).toBe(1)
  await write(second, 'trades', 'two')
  process.kill(second.pid, 'SIGKILL')
  await second.exited

  const third = await start('a')
  expect(await end(third, 'trades')).toBe(2)
})

test('the classes of the first one that stops in peace are those of the next one', async () => {
  const jars = await ensureKafkaJars()
  const own = join(dir, 'jars')
  await cp(jars.dir, own, { recursive: true, filter: (path) => !path.includes('classes-') })
  const classpath = jars.classpath.replaceAll(jars.dir, own)
  const maps = (kafka: Kafka) => readFile(`/proc/${kafka.pid}/maps`, 'utf8')
  const first = await start('f', { jars: { ...jars, dir: own, classpath } })
  expect(await maps(first)).not.toContain('/jars/classes-')
  await first.stop()
  expect((await readdir(own)).filter((name) => name.startsWith('classes-'))).toEqual([
    expect.stringMatching(/^classes-[0-9a-f]{16}-[0-9a-f]{16}\.jsa$/),
  ])
  const second = await start('f', { jars: { ...jars, dir: own, classpath } })
  expect(await maps(second)).toContain('/jars/classes-')

  // a JVM that maps what is damaged dies
  await second.stop()
  const [kept] = (await readdir(own)).filter((name) => name.startsWith('classes-'))
  await chmod(join(own, kept as string), 0o600)
  await truncate(join(own, kept as string), 1_000_000)
  const third = await start('f', { jars: { ...jars, dir: own, classpath } })
  expect(await maps(third)).not.toContain('/jars/classes-')
  await third.stop()
  const made = (await readdir(own)).filter((name) => name.startsWith('classes-'))
  expect(made).toHaveLength(1)
  expect(made).not.toEqual([kept])
})

test('a broker whose parent was killed is found and replaced at the next start', async () => {
  const orphan = await start('b')
  await createTopic(orphan, 'trades')
  const next = await start('b')
  expect(isAlive(orphan.pid)).toBe(false)
  expect(await end(next, 'trades')).toBe(0)
})

test('an interrupted format is made anew', async () => {
  const kafka = await start('c')
  await kafka.stop()
  // What a kill in the middle of formatting leaves: the draft beside, no log folder.
  await rm(join(dir, 'c/log'), { recursive: true })
  await writeFile(join(dir, 'c/log.formatting'), 'half')
  await createTopic(await start('c'), 'trades')
})

test('a taken port is one sentence with the port, who has it and the flag that changes it', async () => {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as { port: number }
  await expect(start('d', { port })).rejects.toMatchObject({
    code: 'PORT_TAKEN',
    message: expect.stringMatching(new RegExp(`^Port ${port}, which Kafka needs, is taken by process ${process.pid}`)),
    todo: expect.stringContaining('--base-port'),
  })
  server.close()
})

test('TLS and password listeners let in who knows the password, and nobody else', async () => {
  const { caFile, key, certificate } = await makeCertificates(dir, 'authority')
  const ca = await readFile(caFile, 'utf8')
  const sasl = { mechanisms: ['PLAIN', 'SCRAM-SHA-256', 'SCRAM-SHA-512'] as const, users: { ann: 'right "one"' } }
  const port = await freePort()
  await start('e', {
    listeners: [
      { name: 'SECURE', port, sasl: { ...sasl, mechanisms: [...sasl.mechanisms] }, tls: { key, certificate } },
    ],
  })
  const connect = async (mechanism: string, password: string, authority?: string) => {
    const admin = client(`127.0.0.1:${port}`, {
      ssl: { ca: authority },
      sasl: { mechanism, username: 'ann', password },
      retry: { retries: 0 },
    }).admin()
    await admin.connect()
    const topics = await admin.listTopics()
    await admin.disconnect()
    return topics
  }
  for (const mechanism of ['plain', 'scram-sha-256', 'scram-sha-512']) {
    expect(await connect(mechanism, 'right "one"', ca)).toEqual([])
    await expect(connect(mechanism, 'wrong', ca)).rejects.toThrow(/uthentication/)
  }
  await expect(connect('plain', 'right "one"')).rejects.toThrow(/certificate/)
})

test('regression: of two that start at one port in the same moment, one runs, and the other says that the port is taken', async () => {
  const outcome = (b: PromiseSettledResult<Kafka>) => (b.status === 'fulfilled' ? 'runs' : b.reason.code || b.reason)
  let outcomes: string[]
  do {
    const port = await freePort()
    outcomes = (await Promise.allSettled([start('one', { port }), start('other', { port })])).map(outcome)
  } while (outcomes.every((o) => o === 'PORT_TAKEN')) // another program has taken the port, or a controller's, before it was used
  expect(outcomes.sort()).toEqual(['PORT_TAKEN', 'runs'])
})
