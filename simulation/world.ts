/** The world of one schedule: engines in memory, and the real services as processes that die, freeze and start again. */
import { pino } from 'pino'
import { Registry } from 'prom-client'
import { createCodec, positionClosedType } from '../core/codec/position-closed-codec.ts'
import type { RegistryClient } from '../core/codec/registry.ts'
import { type Config, readLoopConfig } from '../core/config.ts'
import { StrandlineError } from '../core/errors.ts'
import type { Service, ServiceDeps } from '../core/service.ts'
import { createMemoryDatabase, type MemoryDatabase } from '../core/store/memory/database.ts'
import type { Portfolio } from '../services/pm/index.ts'
import { type Broker, createBroker } from './log/broker.ts'
import { createGroups, type Groups } from './log/groups.ts'
import { createSimulatedLog } from './log/simulated-log.ts'
import { createNetwork, type Network } from './network.ts'
import { PROCESSES } from './plan.ts'
import type { Plan } from './planned.ts'
import { createProcess, type Process } from './process.ts'
import { createScheduler, type Scheduler } from './scheduler.ts'
import { startService } from './services.ts'
import { createStream, type Stream } from './streams.ts'
import { createTrace, type Trace } from './trace.ts'

export const SCHEMA_ID = 1
export const BEGIN = Date.UTC(2026, 5, 1)
const RESTART_MS = 1_000
const logger = pino({ level: 'silent' })

/** A place where a process runs again and again. */
export interface Machine {
  readonly name: string
  process: Process | null
  service: Service | null
  portfolio: Portfolio | null
  starts: number
}

export interface World {
  plan: Plan
  config: Config
  scheduler: Scheduler
  trace: Trace
  network: Network
  broker: Broker
  groups: Groups
  db: MemoryDatabase
  machines: Machine[]
  clocks: Record<string, number>
  /** Of commits, and of each kind of fault. */
  counts: { commits: number; faults: Record<string, number> }
  /** Set by faults. */
  diskFull: boolean
  registryDenies: boolean
  happened(fault: string): void
  start(machine: Machine): void
  /** It starts again after `ms`. */
  kill(machine: Machine, ms: number): void
}

export function createWorld(plan: Plan, keepLines: boolean): World {
  const scheduler = createScheduler(BEGIN)
  const trace = createTrace(scheduler.now, keepLines)
  const clocks = { ...plan.clocks }
  const skew = (name: string) => () => clocks[name] ?? 0
  const counts: World['counts'] = { commits: 0, faults: {} }
  const happened = (fault: string) => {
    counts.faults[fault] = (counts.faults[fault] ?? 0) + 1
  }
  const streamOf = (purpose: string): Stream => createStream(plan.seed, purpose)
  const broker = createBroker(scheduler, skew('broker'))
  const network: Network = createNetwork({
    scheduler,
    trace,
    latency: streamOf('latency'),
    happened,
    kill(process) {
      const machine = machines.find((m) => m.process === process)
      if (machine) kill(machine, RESTART_MS)
    },
  })
  const groups = createGroups({
    scheduler,
    chance: streamOf('assignments'),
    partitions: broker.partitions,
    isAway: () => network.isAway('log'),
  })
  const fetches = streamOf('fetches')
  const ids = streamOf('ids')
  const whole = createMemoryDatabase({ now: () => scheduler.now() + skew('database')() })
  const db: MemoryDatabase = {
    ...whole,
    transaction(work, sync) {
      if (world.diskFull) throw new StrandlineError('STORE_REJECTED', 'could not extend file: No space left on device')
      return whole.transaction(work, sync)
    },
  }
  const config = {
    ...readLoopConfig({ STRANDLINE_PARTITIONS: String(plan.partitions) }),
    kafka: { brokers: ['simulated'] },
    registry: { url: 'http://simulated' },
    store: 'direct',
  } as Config
  const { topic, deadLetterTopic } = config
  for (const name of [topic, deadLetterTopic]) broker.create(name, plan.partitions)
  const machines = PROCESSES.map(
    (name): Machine => ({ name, process: null, service: null, portfolio: null, starts: 0 }),
  )

  function start(machine: Machine): void {
    const { name } = machine
    const process = createProcess(`${name}.${++machine.starts}`, scheduler, ids, skew(name))
    machine.process = process
    machine.service = null
    machine.portfolio = null
    trace.say(process.name, 'starts')
    const exited = () => {
      if (machine.process === process) kill(machine, RESTART_MS)
    }
    run(machine, process).then(
      (service) =>
        process.deliver(() => {
          machine.service = service
        }),
      () => process.deliver(exited),
    )
  }

  function kill(machine: Machine, ms: number): void {
    const { process } = machine
    if (!process) return
    process.kill()
    machine.process = null
    machine.service = null
    machine.portfolio = null
    trace.say(process.name, 'is dead')
    scheduler.after(ms, () => {
      if (machine.process === null) start(machine)
    })
  }

  async function run(machine: Machine, process: Process): Promise<Service> {
    const call = network.callsOf(process)
    const registry: RegistryClient = {
      register: () => call('registry', 'register', () => SCHEMA_ID),
      writerType: (id) =>
        call('registry', `schema ${id}`, () => (id === SCHEMA_ID && !world.registryDenies ? positionClosedType : null)),
    }
    const deps: ServiceDeps = {
      config,
      log: createSimulatedLog({ process, call, broker, groups, chance: fetches, happened }),
      store: null as never, // every service gets its stores
      codec: createCodec(config, registry, undefined, process.clock.now),
      registry,
      clock: process.clock,
      ids: process.ids,
      logger,
      metrics: new Registry(),
    }
    const committed = () => {
      counts.commits++
    }
    const service = await startService(machine.name, { deps, db, call, committed })
    if ('portfolio' in service) machine.portfolio = service.portfolio
    return service
  }

  const world: World = {
    plan,
    config,
    scheduler,
    trace,
    network,
    broker,
    groups,
    db,
    machines,
    clocks,
    counts,
    diskFull: false,
    registryDenies: false,
    happened,
    start,
    kill,
  }
  return world
}
