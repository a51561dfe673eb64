/** What kafkajs throws, as one of our errors: LOG_AUTH, LOG_TOPIC_MISSING or LOG_UNREACHABLE, in one sentence a person can act on. */
import { StrandlineError } from '../errors.ts'

const BY_ITSELF = 'a service goes on by itself once it answers.'

function chain(error: unknown): Error[] {
  const out: Error[] = []
  for (let e: unknown = error; e instanceof Error && out.length < 10; e = (e as { cause?: unknown }).cause) out.push(e)
  return out
}

/** Whether an error, or one that caused it, is of the protocol's `type`, e.g. UNKNOWN_TOPIC_OR_PARTITION. */
export const isOfType = (error: unknown, type: string) =>
  chain(error).some((e) => (e as { type?: string }).type === type)

/** Whether kafkajs gave an error, or one that caused it, this name, e.g. KafkaJSBrokerNotFound. */
export const isNamed = (error: unknown, name: string) => chain(error).some((e) => e.name === name)

/** Without what kafkajs puts before it, and without Node's advice on its own command line. */
const bare = (message: string) =>
  message.replace(/^Connection error: /, '').replace(/; if the root CA is installed.*$/, '')

export function logError(error: unknown, brokers: string[], what: string): StrandlineError {
  if (error instanceof StrandlineError) return error
  const all = chain(error)
  const text = [...new Set(all.map((e) => bare(e.message)))].join(' / ') || String(error)
  const where = brokers.join(',')
  const say = (
    code: 'LOG_AUTH' | 'LOG_TOPIC_MISSING' | 'LOG_RECORD_TOO_LARGE' | 'LOG_UNREACHABLE',
    message: string,
    todo: string,
  ) => new StrandlineError(code, message, { todo, cause: error })
  const types = all.map((e) => (e as { type?: string }).type)

  if (
    all.some((e) => e.name === 'KafkaJSSASLAuthenticationError') ||
    /SASL .*authenti|Authentication failed/i.test(text)
  )
    return say(
      'LOG_AUTH',
      `The Kafka broker at ${where} refused our user name or password.`,
      'Check KAFKA_SASL_MECHANISM, KAFKA_SASL_USERNAME and KAFKA_SASL_PASSWORD.',
    )
  if (/current SASL state/i.test(text))
    return say(
      'LOG_AUTH',
      `The Kafka broker at ${where} takes no user name at this port.`,
      'Check KAFKA_SECURITY_PROTOCOL and the port in KAFKA_BROKERS.',
    )
  if (types.some((t) => t?.endsWith('_AUTHORIZATION_FAILED')))
    return say(
      'LOG_AUTH',
      `The Kafka broker at ${where} does not allow us to ${what}: ${text}.`,
      'Grant the rights that docs/operations.md lists.',
    )
  if (/certificate|self.signed|SSL routines|wrong version number|TLS|ERR_SSL/i.test(text))
    return say(
      'LOG_AUTH',
      `The TLS connection to the Kafka broker at ${where} failed: ${text}.`,
      'Check KAFKA_SECURITY_PROTOCOL, and that KAFKA_SSL_CA_FILE holds the CA that signed its certificate.',
    )
  if (types.includes('MESSAGE_TOO_LARGE') || types.includes('RECORD_LIST_TOO_LARGE'))
    return say(
      'LOG_RECORD_TOO_LARGE',
      `The Kafka broker at ${where} refused to ${what}: the record is larger than it takes.`,
      'Raise max.message.bytes of the topic.',
    )
  if (isOfType(error, 'UNKNOWN_TOPIC_OR_PARTITION') || /does not host this topic/i.test(text))
    return say(
      'LOG_TOPIC_MISSING',
      `The Kafka broker at ${where} does not have the topic: we cannot ${what}.`,
      'Create it: ./strandline topics (or rpk topic create).',
    )
  if (/^Closed connection$/.test(text))
    return say(
      'LOG_UNREACHABLE',
      `The Kafka broker at ${where} closed the connection without an answer.`,
      `If it expects TLS or a password, set KAFKA_SECURITY_PROTOCOL; otherwise ${BY_ITSELF}`,
    )
  return say(
    'LOG_UNREACHABLE',
    `Kafka at ${where} failed to ${what}: ${text}.`,
    `Check KAFKA_BROKERS and that it is up; ${BY_ITSELF}`,
  )
}
