import { execFile } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import kafkajs from 'kafkajs'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { findJava } from '../../embedded/java.ts'
import { ensureKafkaJars } from '../../embedded/kafka-jars.ts'
import { createTestKafka, type TestKafka } from '../support/kafka.ts'

const { CompressionTypes } = kafkajs
const run = promisify(execFile)

let kafka: TestKafka
let dir: string
beforeAll(async () => {
  kafka = await createTestKafka()
  dir = await mkdtemp(join(tmpdir(), 'compression-'))
})
afterAll(async () => {
  await kafka.close()
  await rm(dir, { recursive: true, force: true })
})

/** Everything in a topic of one partition, as our consumer reads it. */
async function read(topic: string): Promise<string[]> {
  const values: string[] = []
  const [{ end } = { end: 0 }] = await kafka.log.offsets(topic)
  let subscription: Awaited<ReturnType<typeof kafka.log.consume>> | undefined
  await new Promise<void>((resolve, reject) => {
    const handler = {
      assigned: async () => 0,
      revoked: async () => {},
      async batch({ records, nextOffset }: { records: { value: Buffer | null }[]; nextOffset: number }) {
        for (const { value } of records) values.push(String(value))
        if (nextOffset >= end) resolve()
      },
    }
    kafka.log
      .consume({ group: kafka.name('reader'), topic }, handler)
      .then((s) => {
        subscription = s
      })
      .catch(reject)
  })
  await subscription?.stop()
  return values
}

// Large enough for several blocks, neither all the same nor all random.
const texts = Array.from({ length: 3_000 }, (_, i) => `record ${i} ${'lorem ipsum '.repeat(i % 40)}${Math.sin(i)}`)

const kcat = await run('kcat', ['-V']).then(
  () => true,
  () => false,
)
if (!kcat) process.stderr.write('SKIPPED: reading what librdkafka compressed, as there is no kcat.\n')

describe.each(['none', 'gzip', 'snappy', 'lz4', 'zstd'] as const)('records compressed with %s', (codec) => {
  const byJavaScript = {
    none: CompressionTypes.None,
    gzip: CompressionTypes.GZIP,
    snappy: CompressionTypes.Snappy,
    zstd: CompressionTypes.ZSTD,
    lz4: null,
  }[codec]
  it.runIf(byJavaScript !== null)('by a JavaScript producer are read', async () => {
    const topic = await kafka.createTopic()
    const producer = kafka.client.producer()
    await producer.connect()
    const compression = byJavaScript ?? CompressionTypes.None
    await producer.send({ topic, compression, messages: texts.map((value) => ({ value })) })
    await producer.disconnect()
    expect(await read(topic)).toEqual(texts)
  })

  it.runIf(kcat)('by kcat (librdkafka) are read', async () => {
    const topic = await kafka.createTopic()
    const payload = join(dir, `${codec}-kcat.txt`)
    await writeFile(payload, `${texts.join('\n')}\n`)
    await run('kcat', ['-P', '-b', kafka.brokers, '-t', topic, '-z', codec, '-X', 'linger.ms=100', '-l', payload])
    expect(await read(topic)).toEqual(texts)
  })

  it("by Kafka's own Java producer are read", async () => {
    const topic = await kafka.createTopic()
    const payload = join(dir, `${codec}.txt`)
    await writeFile(payload, texts.join('\n'))
    const [{ path: java }, jars] = [await findJava(), await ensureKafkaJars()]
    await run(java, [
      '-cp',
      jars.classpath,
      'org.apache.kafka.tools.ProducerPerformance',
      ...['--topic', topic, '--num-records', '3000', '--throughput', '-1', '--payload-file', payload],
      '--producer-props',
      `bootstrap.servers=${kafka.brokers}`,
      `compression.type=${codec}`,
      'linger.ms=50',
      'batch.size=300000',
    ])
    const values = await read(topic)
    expect(values).toHaveLength(3_000) // lines drawn at random
    const known = new Set(texts)
    expect(values.filter((v) => !known.has(v))).toEqual([])
  })
})
