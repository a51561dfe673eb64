/** Kafka and PostgreSQL of a run: started, killed, paused and started again on the same data. */
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Logger } from '../core/logger.ts'
import { type Quorum, startKafka } from '../embedded/kafka.ts'
import { startPostgres } from '../embedded/postgres.ts'
import type { Condition } from '../embedded/wellness.ts'
import { childrenOf } from './child-processes.ts'
import { type Disk, openDisk } from './disk.ts'
import { createStutter, signalAll } from './stutter.ts'

export interface Engine {
  name: string
  /** `signal` gives the start up; nothing is left running then. */
  up(signal?: AbortSignal): Promise<void>
  /** SIGKILL, or another signal that ends it; it stays down until `up`. */
  kill(signal?: NodeJS.Signals): Promise<void>
  /** Stopped, with its child processes, until `resume`. */
  pause(): void
  /** Stopped for most of the time, with its child processes, until `resume`. */
  stutter(): void
  resume(): void
  /** Of its process, while it should be up. */
  pid(): number | undefined
  /** It should be up, and is gone. */
  ended(): boolean
  /** As whoever watches over an engine does: started again where it ended, or does not get well. */
  revive(): Promise<void>
  logFile: string
  /** Its own, where a fault needs one. */
  disk?: Disk
  stop(): Promise<void>
}

interface Process {
  pid: number
  exited: Promise<void>
  stop(): Promise<void>
  check(): Promise<Condition>
}

/** So long one that lives may be unwell after its trouble has ended. */
const WELL_MS = 20_000

interface EngineParts {
  name: string
  logFile: string
  disk?: Disk
  start(signal?: AbortSignal): Promise<Process>
}

function createEngine({ name, logFile, disk, start }: EngineParts): Engine {
  let running: Process | undefined
  let ended = false
  const send = (signal: NodeJS.Signals) => {
    if (running) signalAll([running.pid], signal) // one that ended by itself is started again by `up`
  }
  /** Its own first: stopped, it has no further children. */
  const sendAll = (signal: NodeJS.Signals) => {
    send(signal)
    if (running) signalAll(childrenOf(running.pid), signal)
  }
  const stutter = createStutter(() => (running ? [running.pid, ...childrenOf(running.pid)] : []))
  const down = async () => {
    await running?.exited
    running = undefined
    ended = false
  }
  return {
    name,
    logFile,
    disk,
    async up(signal) {
      const started = await start(signal)
      running = started
      ended = false
      started.exited.then(() => {
        if (running === started) ended = true
      })
    },
    async kill(signal = 'SIGKILL') {
      send(signal)
      await down()
    },
    ended: () => ended,
    async revive() {
      for (const until = Date.now() + WELL_MS; !ended && Date.now() < until; await sleep(200))
        if ((await running?.check())?.state === 'well') return
      send('SIGKILL')
      await down()
      await this.up()
    },
    pause: () => sendAll('SIGSTOP'),
    stutter: stutter.begin,
    resume() {
      stutter.end()
      sendAll('SIGCONT')
    },
    pid: () => running?.pid,
    async stop() {
      this.resume()
      try {
        await running?.stop()
        await down()
      } finally {
        disk?.close()
      }
    },
  }
}

/** A way in to the broker of its own: what it answers about itself leads through a link. */
export interface Door {
  port: number
  /** Of the link. */
  advertised: number
}

export interface BrokerPlan {
  name: string
  dataDir: string
  port: number
  controllerPort: number
  doors: Door[]
  /** Where there are several. */
  quorum?: Quorum
  /** On a disk of its own, which can be full. */
  ownDisk: boolean
  logger: Logger
}

/** Each record is on every broker, and acknowledged once it is on two. */
const REPLICATED = {
  'default.replication.factor': '3',
  'min.insync.replicas': '2',
  'offsets.topic.replication.factor': '3',
  'transaction.state.log.replication.factor': '3',
  'transaction.state.log.min.isr': '2',
}

export function createBroker(plan: BrokerPlan): Engine {
  const { name, dataDir, port, controllerPort, doors, quorum, ownDisk, logger } = plan
  const all = [
    { name: 'PLAINTEXT', port, advertised: port },
    ...doors.map((door, i) => ({ name: `DOOR${i}`, ...door })),
  ]
  const at = (listener: string, to: number) => `${listener}://127.0.0.1:${to}`
  const folder = join(dataDir, name)
  const logFile = join(dataDir, 'logs', `${name}.log`)
  return createEngine({
    name,
    logFile,
    disk: ownDisk ? openDisk(folder) : undefined,
    start: (signal) =>
      startKafka({
        signal,
        dataDir: folder,
        port,
        controllerPort,
        quorum,
        logFile,
        logger,
        properties: {
          listeners: [...all.map((d) => at(d.name, d.port)), at('CONTROLLER', controllerPort)].join(','),
          'advertised.listeners': all.map((d) => at(d.name, d.advertised)).join(','),
          'listener.security.protocol.map': [...all.map((d) => d.name), 'CONTROLLER']
            .map((listener) => `${listener}:PLAINTEXT`)
            .join(','),
          'num.network.threads': '1', // for each of the doors
          ...(quorum ? REPLICATED : {}),
        },
      }),
  })
}

export interface PostgresPlan {
  dataDir: string
  port: number
  password: string
  settings: Record<string, string>
  ownDisk: boolean
  logger: Logger
}

export function createPostgres({ dataDir, port, password, settings, ownDisk, logger }: PostgresPlan): Engine {
  const folder = join(dataDir, 'postgres')
  const logFile = join(dataDir, 'logs', 'postgres.log')
  return createEngine({
    name: 'postgres',
    logFile,
    disk: ownDisk ? openDisk(folder) : undefined,
    start: (signal) =>
      startPostgres({
        signal,
        dataDir: join(folder, 'cluster'), // made beside its place: the folder itself may be a disk
        port,
        password,
        logFile,
        settings: { max_connections: '300', ...settings }, // connections that went half open are kept by the server
        logger,
      }),
  })
}
