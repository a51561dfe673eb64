/**
 * The id that Kafka gave a topic when it was made: another one, and it is another topic, whatever its name. kafkajs' metadata requests are too old to
 * carry it, so this one question goes through another client, which is closed once it is answered.
 */
import { isIP } from 'node:net'
import type { Logger } from 'pino'
import type { Config } from '../config.ts'
import { StrandlineError } from '../errors.ts'
import { within } from '../within.ts'

/** What a topic without an id has: Redpanda, and Kafka before 2.8. */
const NONE = /^[0-]*$/
/** host:port, where the host is no name. */
const isAddress = (broker: string) => isIP(broker.replace(/:\d+$/, '').replace(/^\[|\]$/g, '')) !== 0
const CONNECT_MS = 5_000
const ANSWER_MS = 10_000
/** With its retries: a claim waits for this answer. */
const LONGEST_MS = 30_000

export type AskTopicId = (topic: string, required?: boolean) => Promise<string | null>

/**
 * null: the broker has no ids; or gave no answer that we understand, which is said in the log: what else is known must do then.
 * Error, where an answer is required: LOG_UNREACHABLE.
 */
export function createTopicIds({ brokers, ssl, sasl }: Config['kafka'], logger: Logger): AskTopicId {
  /** Every partition of a topic is claimed at the same moment: one question serves them all. */
  const asked = new Map<string, Promise<string | null>>()
  let warned = false

  async function ask(topic: string): Promise<string | null> {
    const { Admin } = await import('@platformatic/kafka') // a client of its own is only loaded where one is needed
    const admin = new Admin({
      clientId: 'strandline-topic-id',
      bootstrapBrokers: brokers,
      connectTimeout: CONNECT_MS,
      timeout: ANSWER_MS,
      retries: 2,
      retryDelay: 300,
      autocreateTopics: false,
      tls: ssl && { ...(ssl.ca ? { ca: [ssl.ca] } : {}), rejectUnauthorized: ssl.rejectUnauthorized },
      tlsServerName: ssl && !brokers.some(isAddress) ? true : undefined, // a certificate's name is not asked for by an address
      sasl: sasl && {
        mechanism: sasl.mechanism.toUpperCase() as 'PLAIN' | 'SCRAM-SHA-256' | 'SCRAM-SHA-512',
        username: sasl.username,
        password: sasl.password,
      },
    })
    try {
      const { topics } = await within(admin.metadata({ topics: [topic], forceUpdate: true }), LONGEST_MS)
      const id = topics.get(topic)?.id ?? ''
      return NONE.test(id) || id === topic ? null : id // the client gives the name for it where the broker's answer has no ids
    } finally {
      await within(admin.close(), CONNECT_MS).catch(() => undefined) // it never connected, is closed already, or hangs
    }
  }

  return (topic, required = false) => {
    let open = asked.get(topic)
    if (!open) {
      open = ask(topic).finally(() => asked.delete(topic))
      asked.set(topic, open)
    }
    return open.catch((cause: Error) => {
      if (required)
        throw new StrandlineError(
          'LOG_UNREACHABLE',
          `The id of the topic ${topic} at ${brokers.join(', ')} is unknown: ${cause.message}.`,
          { todo: 'Check KAFKA_BROKERS and that they are up; a service goes on by itself once one answers.', cause },
        )
      if (!warned)
        logger.warn(
          { err: cause, topic },
          `The id of ${topic} is unknown (${cause.message}): whether it is the same topic as before is told by its records alone.`,
        )
      warned = true
      return null
    })
  }
}
