/** What a running service (PM, learner, projector, decision) offers to the process that hosts it. */
import type { FastifyInstance } from 'fastify'
import type { Logger } from 'pino'
import type { Registry } from 'prom-client'
import type { Clock } from './clock.ts'
import type { Codec } from './codec/codec.ts'
import type { RegistryClient } from './codec/registry.ts'
import type { Config } from './config.ts'
import type { Ids } from './ids.ts'
import type { Liveness } from './liveness.ts'
import type { EventLog } from './log/log.ts'
import type { Store } from './store/store.ts'

export interface Readiness {
  ok: boolean
  /** One sentence when not ok. */
  reason?: string
}

export interface Service {
  name: string
  /** True only while the service can do its job. */
  ready(): Promise<Readiness>
  /** Adds the service's own HTTP routes; /healthz, /readyz and /metrics are the host's. */
  routes?(app: FastifyInstance): void
  /** Drains: nothing is left half done. */
  stop(): Promise<void>
}

/** Everything a service needs from outside. */
export interface ServiceDeps {
  config: Config
  log: EventLog
  store: Store
  codec: Codec
  /** Of those who read; default: the configured one. */
  registry?: RegistryClient
  clock: Clock
  /** Default: the system's. */
  ids?: Ids
  logger: Logger
  metrics: Registry
  /** Where the service's loops beat. */
  liveness?: Liveness
}

export type StartService = (deps: ServiceDeps) => Promise<Service>
