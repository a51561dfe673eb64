/** A kafkajs client made from our configuration; its log goes through pino. */
import kafkajs, { type Kafka, type LogEntry } from 'kafkajs'
import type { Logger } from 'pino'
import type { Config } from '../config.ts'
import { registerCompressionCodecs } from './compression.ts'
import { replaceRecordDecoder } from './record-decoder.ts'
import { restIdleConnections } from './request-queue.ts'

const { logLevel } = kafkajs

/**
 * What kafkajs reports as an ERROR although its own retry deals with it: a broker or a coordinator that is still starting, a rebalance.
 * The error that remains after the retries reaches us as an exception.
 */
const EXPECTED =
  /coordinator|rebalanc|re-joining|not aware of this member|ECONNREFUSED|Connection (error|timeout)|Failed to connect|Failed to find group coordinator|does not host this topic|Restarting the consumer|leader/i

export function createKafkaClient(config: Config['kafka'], logger: Logger): Kafka {
  registerCompressionCodecs()
  replaceRecordDecoder()
  restIdleConnections()
  const log = logger.child({ component: 'kafkajs' })
  return new kafkajs.Kafka({
    clientId: 'strandline',
    brokers: config.brokers,
    ssl: config.ssl
      ? { ...(config.ssl.ca ? { ca: [config.ssl.ca] } : {}), rejectUnauthorized: config.ssl.rejectUnauthorized }
      : undefined,
    sasl: config.sasl as never,
    connectionTimeout: 5_000,
    authenticationTimeout: 10_000,
    requestTimeout: 30_000,
    retry: { initialRetryTime: 100, maxRetryTime: 2_000, retries: 8 },
    logLevel: logLevel.INFO,
    logCreator: () => (entry: LogEntry) => {
      const { message, timestamp: _t, logger: _l, ...fields } = entry.log
      const text = `${message} ${fields.error ?? ''}`
      if (entry.level === logLevel.ERROR && !EXPECTED.test(text)) log.warn(fields, message)
      else if (entry.level === logLevel.INFO || entry.level === logLevel.DEBUG) log.debug(fields, message)
      else log.debug(fields, message)
    },
  })
}
