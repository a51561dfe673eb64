/** A Kafka with TLS and passwords, as a managed cluster has them, and the environment that points our services at its listeners. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createLogger } from '../../core/logger.ts'
import { freePort } from '../../core/ports.ts'
import { type Kafka, runKafkaTool, startKafka } from '../../embedded/kafka.ts'
import type { SaslMechanism } from '../../embedded/kafka-security.ts'
import { makeCertificates } from './certificates.ts'

export const USER = 'strandline'
export const PASSWORD = 'r1ght-Pa55word'

export type Env = Record<string, string>

export interface SecuredKafka {
  /** Environment for each listener, with the right settings. `plain` is the broker's own. */
  plain: Env
  tls: Env
  sasl(mechanism: SaslMechanism, password?: string): Env
  saslTls(mechanism: SaslMechanism, password?: string): Env
  /** PEM file of an authority that signed nothing here. */
  strangerCa: string
  setScramPassword(mechanism: 'SCRAM-SHA-256' | 'SCRAM-SHA-512', password: string): Promise<void>
  /** Stops the broker and starts it again, which ends every connection. */
  restart(): Promise<void>
  stop(): Promise<void>
}

export async function startSecuredKafka(): Promise<SecuredKafka> {
  const dir = await mkdtemp(join(tmpdir(), 'strandline-secured-'))
  const [trusted, stranger] = [await makeCertificates(dir, 'trusted'), await makeCertificates(dir, 'stranger')]
  const ports = [await freePort(), await freePort(), await freePort(), await freePort(), await freePort()] as const
  const [port, controllerPort, tlsPort, saslPort, saslTlsPort] = ports
  const sasl = {
    mechanisms: ['PLAIN', 'SCRAM-SHA-256', 'SCRAM-SHA-512'] satisfies SaslMechanism[],
    users: { [USER]: PASSWORD },
  }
  const start = () =>
    startKafka({
      dataDir: join(dir, 'kafka'),
      logFile: join(dir, 'kafka.log'),
      port,
      controllerPort,
      logger: createLogger({ level: process.env.TEST_LOG ?? 'silent' }),
      listeners: [
        { name: 'TLS', port: tlsPort, tls: trusted },
        { name: 'SASL', port: saslPort, sasl },
        { name: 'SASLTLS', port: saslTlsPort, sasl, tls: trusted },
      ],
    })
  let kafka: Kafka = await start()
  const login = (mechanism: SaslMechanism, password = PASSWORD): Env => ({
    KAFKA_SASL_MECHANISM: mechanism,
    KAFKA_SASL_USERNAME: USER,
    KAFKA_SASL_PASSWORD: password,
  })
  const at = (p: number, more: Env = {}): Env => ({ KAFKA_BROKERS: `127.0.0.1:${p}`, ...more })
  const ca = { KAFKA_SSL_CA_FILE: trusted.caFile }
  return {
    plain: at(port),
    tls: at(tlsPort, { KAFKA_SECURITY_PROTOCOL: 'SSL', ...ca }),
    sasl: (mechanism, password) =>
      at(saslPort, { KAFKA_SECURITY_PROTOCOL: 'SASL_PLAINTEXT', ...login(mechanism, password) }),
    saslTls: (mechanism, password) =>
      at(saslTlsPort, { KAFKA_SECURITY_PROTOCOL: 'SASL_SSL', ...ca, ...login(mechanism, password) }),
    strangerCa: stranger.caFile,
    async setScramPassword(mechanism, password) {
      await runKafkaTool('kafka.admin.ConfigCommand', [
        ...['--bootstrap-server', kafka.brokers, '--alter', '--entity-type', 'users', '--entity-name', USER],
        ...['--add-config', `${mechanism}=[password=${password}]`],
      ])
    },
    async restart() {
      await kafka.stop()
      kafka = await start()
    },
    async stop() {
      await kafka.stop()
      await rm(dir, { recursive: true, force: true })
    },
  }
}
