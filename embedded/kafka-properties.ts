/** server.properties of the embedded Kafka: one node that is broker and controller, on the loopback interface. */
import { listenerProperties, listenerProtocol, type SecureListener } from './kafka-security.ts'

/** Of the topic where Kafka keeps its consumer groups. */
export const OFFSETS_PARTITIONS = 4

export interface KafkaLayout {
  logDir: string
  port: number
  controllerPort: number
  listeners: SecureListener[]
  quorum?: { nodeId: number; voters: string[] }
}

export function kafkaProperties({
  logDir,
  port,
  controllerPort,
  listeners,
  quorum,
}: KafkaLayout): Record<string, string> {
  const all = [
    { name: 'PLAINTEXT', protocol: 'PLAINTEXT', port },
    { name: 'CONTROLLER', protocol: 'PLAINTEXT', port: controllerPort },
    ...listeners.map((l) => ({ name: l.name, protocol: listenerProtocol(l), port: l.port })),
  ]
  const address = (l: { name: string; port: number }) => `${l.name}://127.0.0.1:${l.port}`
  return {
    'process.roles': 'broker,controller',
    'node.id': String(quorum?.nodeId ?? 1),
    'log.dirs': logDir,
    listeners: all.map(address).join(','),
    'advertised.listeners': all
      .filter((l) => l.name !== 'CONTROLLER')
      .map(address)
      .join(','),
    'listener.security.protocol.map': all.map((l) => `${l.name}:${l.protocol}`).join(','),
    'controller.listener.names': 'CONTROLLER',
    'inter.broker.listener.name': 'PLAINTEXT',
    ...(quorum
      ? { 'controller.quorum.voters': quorum.voters.join(',') }
      : { 'controller.quorum.bootstrap.servers': `127.0.0.1:${controllerPort}` }),
    ...Object.assign({}, ...listeners.map(listenerProperties)),

    // A single node: nothing can be replicated. Fewer partitions of the internal topics: fewer files to open at a start.
    'default.replication.factor': '1',
    'offsets.topic.replication.factor': '1',
    'offsets.topic.num.partitions': String(OFFSETS_PARTITIONS),
    'transaction.state.log.replication.factor': '1',
    'transaction.state.log.min.isr': '1',
    'transaction.state.log.num.partitions': '4',
    'share.coordinator.state.topic.replication.factor': '1',
    'share.coordinator.state.topic.min.isr': '1',

    // After kill -9 the controller takes the old broker for alive this long, and the new one waits (9 s by default).
    'broker.session.timeout.ms': '5000',
    'broker.heartbeat.interval.ms': '500',

    'auto.create.topics.enable': 'false',
    // Whoever makes a topic here without a word about it means to keep what is in it.
    'log.retention.ms': '-1',
    'group.initial.rebalance.delay.ms': '0',
    // Room for a record that a careless producer made too large: it must reach the dead-letter topic, not stay unseen with its producer.
    'message.max.bytes': String(8 * 1024 * 1024),
    'log.cleaner.dedupe.buffer.size': String(32 * 1024 * 1024),
    'log.cleaner.threads': '1',
    'num.io.threads': '4',
    'num.network.threads': '2',
    'num.recovery.threads.per.data.dir': '2',
  }
}

/** The text of a .properties file; values may hold any character, PEM texts among them. */
export function propertiesFile(properties: Record<string, string>): string {
  const escaped = (text: string) => text.replaceAll('\\', '\\\\').replaceAll('\n', '\\n').replaceAll('\r', '\\r')
  return `${Object.entries(properties)
    .map(([key, value]) => `${key}=${escaped(value)}`)
    .join('\n')}\n`
}

/** Warnings and errors to standard output, which is the log file. */
export const LOG4J = propertiesFile({
  status: 'error',
  'appender.out.type': 'Console',
  'appender.out.name': 'out',
  'appender.out.layout.type': 'PatternLayout',
  'appender.out.layout.pattern': '%d{yyyy-MM-dd HH:mm:ss.SSS} %-5p %c{1}: %m%n',
  'rootLogger.level': 'warn',
  'rootLogger.appenderRef.out.ref': 'out',
}).replaceAll('\\\\', '\\')
