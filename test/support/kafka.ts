/** One Kafka for the run, topics of their own for each test. */
import { randomBytes } from 'node:crypto'
import { Kafka, logLevel } from 'kafkajs'
import { pino } from 'pino'
import { createKafkaLog } from '../../core/log/kafka-log.ts'
import type { EventLog } from '../../core/log/log.ts'
import { askEngine } from './ask-engine.ts'

export interface TestKafka {
  /** host:port */
  brokers: string
  /** The schema registry that goes with it. */
  registryUrl: string
  /** The event log as the services use it. */
  log: EventLog
  /** A plain kafkajs client without logs, for what the port does not offer. */
  client: Kafka
  /** Makes a topic with a name of its own; resolves to the name. */
  createTopic(options?: { partitions?: number; config?: Record<string, string> }): Promise<string>
  /** A name that no other test uses, for groups and topics. */
  name(prefix?: string): string
  close(): Promise<void>
}

export async function createTestKafka(): Promise<TestKafka> {
  return testKafkaAt(await askEngine<{ brokers: string; registryUrl: string }>('kafka'))
}

/** The same for a Kafka that the test started itself. */
export function testKafkaAt({ brokers, registryUrl }: { brokers: string; registryUrl: string }): TestKafka {
  const log = createKafkaLog({ kafka: { brokers: [brokers] } }, pino({ level: process.env.TEST_LOG ?? 'silent' }))
  const name = (prefix = 'test') => `${prefix}-${randomBytes(6).toString('hex')}`
  return {
    brokers,
    registryUrl,
    log,
    client: new Kafka({ clientId: 'test', brokers: [brokers], logLevel: logLevel.NOTHING }),
    name,
    async createTopic({ partitions = 1, config = {} } = {}) {
      const topic = name('topic')
      // as our topics are made: a broker's own default may forget
      await log.ensureTopics([{ topic, partitions, config: { 'retention.ms': '-1', ...config } }])
      return topic
    },
    close: () => log.close(),
  }
}
