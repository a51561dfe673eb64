/** `up` looks after its engines as their clients do: frozen ones, and a broker that came up with its groups unreadable, are found and started again. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Kafka as KafkaJs, logLevel } from 'kafkajs'
import { pino } from 'pino'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { freePort } from '../../core/ports.ts'
import { GROUP_OF_EACH_PARTITION, kafkaCondition } from '../../embedded/engine-health.ts'
import { type Kafka, startKafka } from '../../embedded/kafka.ts'
import { OFFSETS_PARTITIONS } from '../../embedded/kafka-properties.ts'
import { startPostgres } from '../../embedded/postgres.ts'
import { type Running, type SuperviseOptions, supervise } from '../../embedded/supervise.ts'
import { PATIENT } from '../support/patience.ts'

const logger = pino({ level: 'silent' })
let root: string
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'strandline-health-'))
})
afterAll(() => rm(root, { recursive: true, force: true }))

async function kafkaStarter() {
  const [port, controllerPort] = [await freePort(), await freePort()]
  const dataDir = join(root, `kafka-${port}`)
  const start = () => startKafka({ dataDir, port, controllerPort, logFile: join(root, `kafka-${port}.log`), logger })
  return { port, start }
}

/** Freezes it and waits for what is said. */
async function freeze<T extends Running>(options: Pick<SuperviseOptions<T>, 'name' | 'start'>): Promise<void> {
  const said: string[] = []
  let back = () => {}
  const returned = new Promise<void>((resolve) => {
    back = resolve
  })
  const watched = await supervise<T>({
    ...options,
    say: (sentence) => said.push(sentence),
    restarted: back,
    firstDelayMs: 1,
    checkEveryMs: 100,
    deadAfterMs: 1_000,
  })
  try {
    const { pid } = watched.current()
    process.kill(pid, 'SIGSTOP')
    await returned
    expect(said[0]).toMatch(
      new RegExp(
        `^${options.name} \\(process ${pid}\\) has not answered for \\d+ s \\(no answer\\); it is started again`,
      ),
    )
    expect(watched.current().pid).not.toBe(pid)
    while ((await watched.current().check!()).state !== 'well') await new Promise((resolve) => setTimeout(resolve, 100))
  } finally {
    await watched.stop()
  }
}

test('a frozen Kafka is started again', async () => {
  const { start } = await kafkaStarter()
  await freeze<Kafka>({ name: 'Kafka', start })
})

test('a frozen PostgreSQL is started again', async () => {
  const port = await freePort()
  const dataDir = join(root, 'postgres')
  await freeze({
    name: 'PostgreSQL',
    start: () => startPostgres({ dataDir, port, password: 'secret', logFile: join(root, 'postgres.log'), logger }),
  })
})

test('regression: a broker that could not load a partition of its groups is not well, whichever it is', async () => {
  const { port, start } = await kafkaStarter()
  const kafka = await start()
  try {
    while ((await kafkaCondition(port)).state !== 'well') await new Promise((resolve) => setTimeout(resolve, 100))
    expect(await partitionsOf(GROUP_OF_EACH_PARTITION, port)).toEqual(
      GROUP_OF_EACH_PARTITION.map((_, partition) => partition),
    )
    await spoil(port, OFFSETS_PARTITIONS - 1)
  } finally {
    await kafka.stop()
  }
  const again = await start()
  try {
    let condition = await kafkaCondition(port)
    while (!/not the correct/.test(condition.state === 'well' ? '' : condition.reason))
      condition = await kafkaCondition(port)
    expect(condition).toMatchObject({
      state: 'not ready',
      reason: expect.stringMatching(/^some of its consumer groups cannot be read: This is not the correct coordinator/),
    })
  } finally {
    await again.stop()
  }
})

/** Where Kafka itself keeps the offsets of these groups: a partition for each of them, in order. */
async function partitionsOf(groups: string[], port: number): Promise<number[]> {
  const admin = new KafkaJs({ brokers: [`127.0.0.1:${port}`], logLevel: logLevel.NOTHING }).admin()
  await admin.connect()
  // a broker that is well may be busy electing
  const ends = async () =>
    (await vi.waitFor(() => admin.fetchTopicOffsets('__consumer_offsets'), PATIENT))
      .sort((a, b) => a.partition - b.partition)
      .map(({ high }) => Number(high))
  await admin.createTopics({ topics: [{ topic: 't', numPartitions: 1 }] })
  const found: number[] = []
  for (const groupId of groups) {
    const before = await ends()
    await vi.waitFor(
      () => admin.setOffsets({ groupId, topic: 't', partitions: [{ partition: 0, offset: '0' }] }),
      PATIENT,
    )
    const after = await ends()
    found.push(after.findIndex((end, partition) => end > before[partition]!))
  }
  await admin.disconnect()
  return found
}

/** Only Kafka's own tools write there. */
async function spoil(port: number, partition: number): Promise<void> {
  const client = new KafkaJs({
    clientId: '__admin_client',
    brokers: [`127.0.0.1:${port}`],
    logLevel: logLevel.NOTHING,
  })
  const producer = client.producer()
  await producer.connect()
  const key = Buffer.from([0, 1, 0, 1]) // an offset's key, version 1, cut short
  await producer.send({ topic: '__consumer_offsets', messages: [{ partition, key, value: Buffer.from([0]) }] })
  await producer.disconnect()
}
