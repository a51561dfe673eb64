/** Kafka and PostgreSQL of a run: started, killed, paused and started again on the same data. */
import { join } from 'node:path'
import type { Logger } from '../core/logger.ts'
import { startKafka } from '../embedded/kafka.ts'
import { startPostgres } from '../embedded/postgres.ts'

export interface Engine {
  /** `signal` gives the start up; nothing is left running then. */
  up(signal?: AbortSignal): Promise<void>
  /** SIGKILL, or another signal that ends it; it stays down until `up`. */
  kill(signal?: NodeJS.Signals): Promise<void>
  pause(): void
  resume(): void
  /** Of its process, while it should be up. */
  pid(): number | undefined
  stop(): Promise<void>
}

interface Process {
  pid: number
  exited: Promise<void>
  stop(): Promise<void>
}

function createEngine(start: (signal?: AbortSignal) => Promise<Process>): Engine {
  let running: Process | undefined
  const send = (signal: NodeJS.Signals) => {
    try {
      if (running) process.kill(running.pid, signal)
    } catch {
      // it ended by itself: `up` starts it again
    }
  }
  process.on('exit', () => send('SIGKILL')) // whoever ends us at once ends it, too
  return {
    async up(signal) {
      running = await start(signal)
    },
    async kill(signal = 'SIGKILL') {
      send(signal)
      await running?.exited
      running = undefined
    },
    pause: () => send('SIGSTOP'),
    resume: () => send('SIGCONT'),
    pid: () => running?.pid,
    async stop() {
      send('SIGCONT')
      await running?.stop()
      running = undefined
    },
  }
}

/** A way in to the broker of its own: what it answers about itself leads through a link. */
export interface Door {
  port: number
  /** Of the link. */
  advertised: number
}

export interface KafkaPlan {
  dataDir: string
  port: number
  controllerPort: number
  doors: Door[]
  logger: Logger
}

export function createKafka({ dataDir, port, controllerPort, doors, logger }: KafkaPlan): Engine {
  const all = [
    { name: 'PLAINTEXT', port, advertised: port },
    ...doors.map((door, i) => ({ name: `DOOR${i}`, ...door })),
  ]
  const at = (name: string, to: number) => `${name}://127.0.0.1:${to}`
  return createEngine((signal) =>
    startKafka({
      signal,
      dataDir: join(dataDir, 'kafka'),
      port,
      controllerPort,
      logFile: join(dataDir, 'logs', 'kafka.log'),
      logger,
      properties: {
        listeners: [...all.map((d) => at(d.name, d.port)), at('CONTROLLER', controllerPort)].join(','),
        'advertised.listeners': all.map((d) => at(d.name, d.advertised)).join(','),
        'listener.security.protocol.map': [...all.map((d) => d.name), 'CONTROLLER']
          .map((name) => `${name}:PLAINTEXT`)
          .join(','),
        'num.network.threads': '1', // for each of the doors
      },
    }),
  )
}

export interface PostgresPlan {
  dataDir: string
  port: number
  password: string
  settings: Record<string, string>
  logger: Logger
}

export function createPostgres({ dataDir, port, password, settings, logger }: PostgresPlan): Engine {
  return createEngine((signal) =>
    startPostgres({
      signal,
      dataDir: join(dataDir, 'postgres'),
      port,
      password,
      logFile: join(dataDir, 'logs', 'postgres.log'),
      settings: { max_connections: '300', ...settings }, // connections that went half open are kept by the server
      logger,
    }),
  )
}
