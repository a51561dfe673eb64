/**
 * Everything between a process and an engine: each call takes its time, and can be lost before or after its effect, come late or twice, or be the last thing
 * that a process does. A request that was sent arrives, even if its sender is dead by then.
 */
import { StrandlineError } from '../core/errors.ts'
import type { Process } from './process.ts'
import type { Scheduler } from './scheduler.ts'
import type { Stream } from './streams.ts'
import type { Trace } from './trace.ts'

export type Engine = 'database' | 'log' | 'registry' | 'pm'

export const CALL_FAULTS = [
  'lost-request',
  'lost-answer',
  'late',
  'repeat',
  'slow',
  'half',
  'crash-before',
  'crash-after',
] as const
export type CallFault = (typeof CALL_FAULTS)[number]

/** For a while, calls of an engine go wrong. */
export interface FaultWindow {
  engine: Engine
  fault: CallFault
  rate: number
  until: number
  chance: Stream
}

/** A call from outside of a process: how it does its work may depend on the fault (`half`: of a request that has parts, some are done). */
export type Call = <T>(
  engine: Engine,
  what: string,
  work: (fault: CallFault | null) => T | Promise<T>,
  detail?: string,
) => Promise<T>

export interface Network {
  callsOf(process: Process): Call
  windows: FaultWindow[]
  /** The engine does not answer until then. What is under way when it goes is lost, too. */
  away(engine: Engine, ms: number): void
  isAway(engine: Engine): boolean
  heal(): void
}

export interface NetworkOptions {
  scheduler: Scheduler
  trace: Trace
  latency: Stream
  kill(process: Process): void
  /** Hears of every fault that happened. */
  happened(fault: string): void
}

interface Request {
  process: Process
  engine: Engine
  what: string
  detail?: string
  work(fault: CallFault | null): unknown
  resolve(answer: unknown): void
  reject(error: unknown): void
}

type Answer = { value: unknown } | { error: unknown }

const TIMEOUT_MS = 5_000
const REFUSED_MS = 20

const UNREACHABLE = {
  database: 'STORE_UNREACHABLE',
  log: 'LOG_UNREACHABLE',
  registry: 'REGISTRY_UNREACHABLE',
  pm: 'STORE_UNREACHABLE',
} as const

export function createNetwork({ scheduler, trace, latency, kill, happened }: NetworkOptions): Network {
  const awayUntil: Partial<Record<Engine, number>> = {}
  /** Counts how often an engine went away: an answer of before does not arrive. */
  const lives: Record<Engine, number> = { database: 0, log: 0, registry: 0, pm: 0 }
  const isAway = (engine: Engine) => (awayUntil[engine] ?? 0) > scheduler.now()

  const network: Network = {
    windows: [],
    isAway,
    away(engine, ms) {
      awayUntil[engine] = Math.max(awayUntil[engine] ?? 0, scheduler.now() + ms)
      lives[engine]++
    },
    heal() {
      network.windows = []
      for (const engine of Object.keys(awayUntil)) awayUntil[engine as Engine] = 0
    },
    callsOf: (process) => (engine, what, work, detail) =>
      new Promise((resolve, reject) =>
        process.deliver(() => send({ process, engine, what, work, detail, resolve, reject } as Request)),
      ),
  }

  function draw(engine: Engine): CallFault | null {
    if (network.windows.length === 0) return null
    network.windows = network.windows.filter((w) => w.until > scheduler.now())
    return network.windows.find((w) => w.engine === engine && w.chance.chance(w.rate))?.fault ?? null
  }

  function send(request: Request): void {
    const { process, engine, what, detail } = request
    const fault = draw(engine)
    if (fault) happened(fault)
    trace.say(process.name, fault ? `${what} [${fault}]` : what, detail)
    const way = latency.between(1, 12)
    switch (fault) {
      case 'crash-before':
        kill(process)
        break
      case 'lost-request':
        fail(request, TIMEOUT_MS)
        break
      case 'late':
        fail(request, TIMEOUT_MS)
        scheduler.after(latency.between(TIMEOUT_MS, 3 * TIMEOUT_MS), () => perform(request, fault))
        break
      default:
        scheduler.after(fault === 'slow' ? way + latency.between(500, 4_000) : way, () => arrive(request, fault, way))
        if (fault === 'repeat') scheduler.after(way + latency.between(0, 8_000), () => perform(request, fault))
    }
  }

  function deliver({ process }: Request, ms: number, work: () => void): void {
    scheduler.after(ms, () => process.deliver(work))
  }

  function fail(request: Request, ms: number): void {
    const { engine, what, reject } = request
    deliver(request, ms, () => reject(new StrandlineError(UNREACHABLE[engine], `No answer to ${what}.`)))
  }

  /** Somebody waits for the answer. */
  function arrive(request: Request, fault: CallFault | null, way: number): void {
    const { engine, process, resolve, reject } = request
    if (isAway(engine)) {
      fail(request, REFUSED_MS)
      return
    }
    const life = lives[engine]
    perform(request, fault).then((answer) => {
      if (fault === 'crash-after') kill(process)
      else if (fault === 'lost-answer' || lives[engine] !== life) fail(request, TIMEOUT_MS)
      else deliver(request, way, () => ('error' in answer ? reject(answer.error) : resolve(answer.value)))
    })
  }

  async function perform({ engine, work }: Request, fault: CallFault | null): Promise<Answer> {
    if (isAway(engine)) return { value: undefined } // nobody waits for it any more
    try {
      return { value: await work(fault) }
    } catch (error) {
      return { error }
    }
  }

  return network
}

/** A port of a database whose calls travel: what is sent is what it was when it was sent. */
export function remote<Port extends object>(call: Call, name: string, port: Port): Port {
  const travels =
    (method: string, ask: (...args: unknown[]) => Promise<unknown>) =>
    (...args: unknown[]) => {
      const sent = JSON.stringify(args)
      return call('database', `${name}.${method}`, () => ask(...(JSON.parse(sent) as unknown[])), sent)
    }
  return Object.fromEntries(
    Object.entries(port).map(([method, ask]) => [method, typeof ask === 'function' ? travels(method, ask) : ask]),
  ) as Port
}
