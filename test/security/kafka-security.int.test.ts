/** The settings for a managed cluster, against a Kafka that is started with TLS and passwords: the right ones work, each wrong one is said in one sentence. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { readConfig } from '../../core/config.ts'
import { explain, StrandlineError } from '../../core/errors.ts'
import { createKafkaLog } from '../../core/log/kafka-log.ts'
import type { EventLog, PartitionHandler, Subscription } from '../../core/log/log.ts'
import { createLogger } from '../../core/logger.ts'
import { type Env, PASSWORD, type SecuredKafka, startSecuredKafka } from './secured-kafka.ts'

let kafka: SecuredKafka
beforeAll(async () => {
  kafka = await startSecuredKafka()
})
afterAll(() => kafka?.stop())

const WRONG = 'wr0ng-Pa55word'
const TOPIC = 'secured'

/** The log as a service has it, and every line that it logs, at the lowest level. */
function logOf(env: Env): { log: EventLog; lines: string[] } {
  const lines: string[] = []
  const logger = createLogger({
    level: 'trace',
    pretty: false,
    destination: { write: (line) => void lines.push(line) },
  })
  const config = readConfig({
    SCHEMA_REGISTRY_URL: 'http://127.0.0.1:1',
    SUPABASE_URL: 'http://127.0.0.1:1',
    SUPABASE_SERVICE_ROLE_KEY: 'sb_secret_unused',
    ...env,
  })
  return { log: createKafkaLog(config, logger), lines }
}

/** A handler that notes the values it is given, from the start of every partition. */
function notes(seen: string[]): PartitionHandler {
  return {
    assigned: async (_partition, committed) => (typeof committed === 'number' ? committed : 0),
    async batch(batch, control) {
      for (const record of batch.records) seen.push(String(record.value))
      await control.commitOffset(batch.nextOffset)
    },
    revoked: async () => {},
  }
}

async function failureOf(work: Promise<unknown>): Promise<StrandlineError> {
  const error = await work.then(
    () => undefined,
    (e) => e,
  )
  expect(error).toBeInstanceOf(StrandlineError)
  return error
}

describe('the right settings', () => {
  const listeners: [string, () => Env][] = [
    ['TLS with a CA', () => kafka.tls],
    ['PLAIN', () => kafka.sasl('PLAIN')],
    ['SCRAM-SHA-256', () => kafka.sasl('SCRAM-SHA-256')],
    ['PLAIN over TLS', () => kafka.saslTls('PLAIN')],
    ['SCRAM-SHA-256 over TLS', () => kafka.saslTls('SCRAM-SHA-256')],
    ['SCRAM-SHA-512 over TLS', () => kafka.saslTls('SCRAM-SHA-512')],
  ]
  test.each(listeners)('%s: topics are made, records are written and read', async (name, env) => {
    const { log } = logOf(env())
    const topic = `right-${name.replace(/\W+/g, '-')}`
    await log.ensureTopics([{ topic, partitions: 1 }])
    await log.produce(topic, [{ key: 'k', value: Buffer.from(name) }])
    const seen: string[] = []
    const subscription = await log.consume({ group: topic, topic }, notes(seen))
    await expect.poll(() => seen).toEqual([name])
    await subscription.stop()
    expect(await log.topicId(topic)).toMatch(/^[0-9a-f-]{36}$/) // asked through a client of its own, with the same settings
    await log.close()
  })
})

describe('a wrong setting is said in one sentence, with what to do', () => {
  const untrusted = (env: Env): Env => ({ ...env, KAFKA_SSL_CA_FILE: kafka.strangerCa })
  const at = (address: Env, env: Env): Env => ({ ...env, KAFKA_BROKERS: address.KAFKA_BROKERS as string })
  const cases: [string, () => Env, string, RegExp][] = [
    ['a wrong password (PLAIN)', () => kafka.saslTls('PLAIN', WRONG), 'LOG_AUTH', /refused our user name or password/],
    [
      'a wrong password (SCRAM)',
      () => kafka.sasl('SCRAM-SHA-512', WRONG),
      'LOG_AUTH',
      /refused our user name or password/,
    ],
    [
      'an unknown user',
      () => ({ ...kafka.sasl('SCRAM-SHA-256'), KAFKA_SASL_USERNAME: 'nobody' }),
      'LOG_AUTH',
      /refused our user name or password/,
    ],
    [
      'a certificate of another authority',
      () => untrusted(kafka.tls),
      'LOG_AUTH',
      /TLS connection .* failed: .*certificate.*KAFKA_SSL_CA_FILE/,
    ],
    [
      'TLS where there is none',
      () => at(kafka.plain, kafka.tls),
      'LOG_AUTH',
      /TLS connection .* failed.*KAFKA_SECURITY_PROTOCOL/,
    ],
    [
      'a password where none is taken',
      () => at(kafka.plain, kafka.sasl('PLAIN')),
      'LOG_AUTH',
      /takes no user name.*KAFKA_SECURITY_PROTOCOL/,
    ],
    [
      'no password where one is needed',
      () => at(kafka.sasl('PLAIN'), kafka.plain),
      'LOG_UNREACHABLE',
      /closed the connection.*KAFKA_SECURITY_PROTOCOL/,
    ],
    ['no broker', () => ({ KAFKA_BROKERS: '127.0.0.1:1' }), 'LOG_UNREACHABLE', /ECONNREFUSED.*KAFKA_BROKERS/],
  ]
  test.concurrent.each(cases)('%s', async (_name, env, code, sentence) => {
    const { log, lines } = logOf(env())
    const error = await failureOf(log.offsets(TOPIC))
    expect(error.code).toBe(code)
    expect(explain(error)).toMatch(sentence)
    expect(explain(error)).not.toMatch(/\n|KafkaJS/)
    await log.close()
    for (const secret of [PASSWORD, WRONG]) expect(lines.join('')).not.toContain(secret)
  })

  test('a missing topic, for a reader and for a writer', async () => {
    const { log } = logOf(kafka.plain)
    for (const work of [
      () => log.consume({ group: 'g', topic: 'nobody-made-it' }, notes([])),
      () => log.produce('nobody-made-it', [{ key: 'k', value: Buffer.from('v') }]),
      () => log.offsets('nobody-made-it'),
    ]) {
      const error = await failureOf(work())
      expect(error.code).toBe('LOG_TOPIC_MISSING')
      expect(explain(error)).toMatch(/does not have the topic.*strandline topics/)
    }
    await log.close()
  })
})

describe('nothing is lost while it is wrong', () => {
  test('a reader whose password is changed says so, and reads on without a gap once it is right again', async () => {
    const writer = logOf(kafka.plain).log
    await writer.ensureTopics([{ topic: TOPIC, partitions: 3 }])
    const value = (i: number) => ({ key: `k${i}`, value: Buffer.from(`v${i}`) })
    const range = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => from + i)
    await writer.produce(TOPIC, range(0, 30).map(value))

    const { log, lines } = logOf(kafka.saslTls('SCRAM-SHA-512'))
    const seen: string[] = []
    const subscription: Subscription = await log.consume({ group: 'reader', topic: TOPIC }, notes(seen))
    await expect.poll(() => seen.length).toBe(30)
    expect(subscription.failure()).toBeUndefined()

    await kafka.setScramPassword('SCRAM-SHA-512', WRONG)
    await kafka.restart()
    await expect.poll(() => subscription.failure()?.message).toMatch(/refused our user name or password/)
    await writer.produce(TOPIC, range(30, 60).map(value))
    expect(seen.length).toBe(30)
    await kafka.setScramPassword('SCRAM-SHA-512', PASSWORD)
    // The group waits for the member that could not say goodbye, until its session is over.
    await expect.poll(() => new Set(seen).size).toBe(60)
    expect(subscription.failure()).toBeUndefined()
    expect([...seen].sort()).toEqual(
      range(0, 60)
        .map((i) => `v${i}`)
        .sort(),
    )
    await subscription.stop()
    await log.close()
    await writer.close()
    expect(lines.join('')).not.toContain(PASSWORD)
  })
})
