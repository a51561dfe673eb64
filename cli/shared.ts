/** How a command gets at log and database: real ones named by the environment, a running stack's, or embedded ones started for the moment. */
import { existsSync } from 'node:fs'
import { InvalidArgumentError } from 'commander'
import { Registry } from 'prom-client'
import { type Clock, systemClock } from '../core/clock.ts'
import type { Codec } from '../core/codec/codec.ts'
import { createCodec } from '../core/codec/position-closed-codec.ts'
import {
  type Config,
  type LoopConfig,
  logLevel,
  readDatabaseConfig,
  readKafkaConfig,
  readLoopConfig,
  readRegistryConfig,
} from '../core/config.ts'
import { StrandlineError } from '../core/errors.ts'
import { createKafkaLog } from '../core/log/kafka-log.ts'
import type { EventLog } from '../core/log/log.ts'
import { createLogger, type Logger } from '../core/logger.ts'
import type { Need } from '../core/stack/layout.ts'
import {
  DEFAULT_BASE_PORT,
  dataDirPath,
  SERVICES,
  type ServiceName,
  type StackPorts,
  stackPorts,
} from '../core/stack/layout.ts'
import { findStack } from '../core/stack/stack-file.ts'
import { openStore } from '../core/store/open-store.ts'
import type { Store } from '../core/store/store.ts'
import { say } from './output.ts'
import { chooseStack, type StackChoice, settingsOf, withoutEngines } from './stack-choice.ts'

export interface OpenOptions {
  /** The stack's folder, where somebody named one; else `.strandline` in the current directory, which the environment beats. */
  dataDir?: string
  basePort?: number
  /** What the command works with; the database by default. */
  needs?: Need[]
  /** The services that must run as well. */
  services?: ServiceName[]
  /** Learning model of services that are started for the moment. */
  model?: string
  /** Makes the data folder when there is none; otherwise that is an error: there is nothing in it to look at. */
  create?: boolean
  /** How others are told who has the data folder, e.g. `./strandline import`. */
  purpose?: string
  logger?: Logger
}

export interface OpenStack {
  /** Settings of clients, by the names of the environment variables; secrets among them. */
  env: Record<string, string | undefined>
  /** What is set about the loop, wherever its engines are. */
  readonly loop: LoopConfig
  /** All of it, for what works with all engines. Errors: CONFIG_INVALID where one of them is not named. */
  readonly config: Config
  readonly store: Store
  readonly log: EventLog
  readonly codec: Codec
  clock: Clock
  logger: Logger
  metrics: Registry
  /** Base URLs of the services that run. */
  services: Partial<Record<ServiceName, string>>
  /** It was started for the moment, and stops with this command. */
  ours: boolean
  /** Lets go of everything, and stops what was started for the moment. */
  close(): Promise<void>
}

function choose({ dataDir: named, needs = ['database'] }: OpenOptions): StackChoice {
  const dataDir = dataDirPath(named)
  return chooseStack({
    dataDir,
    explicit: named !== undefined,
    needs,
    env: process.env,
    running: findStack(dataDir),
  })
}

/** Whether engines are named, or run already: nothing has to be started for a look. Errors: as openStack. */
export const stackRuns = (options: OpenOptions): boolean => choose(options).from !== 'folder'

export async function openStack(options: OpenOptions = {}): Promise<OpenStack> {
  const { needs = ['database'], services = [], model, logger = createLogger({ level: logLevel('warn') }) } = options
  const dataDir = dataDirPath(options.dataDir)
  const choice = choose(options)
  if (choice.from === 'folder') requireFolder(dataDir, needs, options.create === true)
  say(choice.name)
  const found =
    choice.from === 'running'
      ? findStack(dataDir)
      : choice.from === 'folder'
        ? await startForTheMoment({ ...options, needs, services, model, dataDir, logger })
        : undefined
  // a running stack's settings are part of the choice, but for those that somebody sets otherwise
  const env: Record<string, string | undefined> =
    choice.from === 'running' ? { ...choice.env } : { ...found?.env, ...choice.env }
  if (model) env.STRANDLINE_MODEL = model

  const opened: { close(): Promise<void> }[] = []
  const once = <T>(make: () => T) => {
    let made: { value: T } | undefined
    return () => {
      made ??= { value: make() }
      return made.value
    }
  }
  const loop = once(() => readLoopConfig(env))
  const kafka = once(() => readKafkaConfig(env))
  const registry = once(() => readRegistryConfig(env))
  const database = once(() => readDatabaseConfig(env))
  const log = once(() => {
    const made = createKafkaLog({ kafka: kafka() }, logger)
    opened.push(made)
    return made
  })
  const store = once(() => {
    const made = openStore(database())
    opened.push(made)
    return made
  })
  const codec = once(() => createCodec({ registry: registry(), topic: loop().topic }))
  return {
    env,
    get loop() {
      return loop()
    },
    get config() {
      return { kafka: kafka(), registry: registry(), ...database(), ...loop() }
    },
    get log() {
      return log()
    },
    get store() {
      return store()
    },
    get codec() {
      return codec()
    },
    clock: systemClock,
    logger,
    metrics: new Registry(),
    services: found?.services ?? {},
    ours: choice.from === 'folder',
    async close() {
      for (const part of opened) await part.close()
      if (found && 'stop' in found) await (found as { stop(): Promise<void> }).stop()
    },
  }
}

/** Errors: STACK_NOT_RUNNING where there is nothing to look at, and nothing is to be made. */
function requireFolder(dataDir: string, needs: Need[], create: boolean): void {
  if (create || existsSync(dataDir)) return
  throw new StrandlineError('STACK_NOT_RUNNING', `There is no stack in ${dataDir}.`, {
    todo: `Start one (./strandline up), name its folder with --data-dir, or set ${settingsOf(needs).join(', ')}.`,
  })
}

async function startForTheMoment(
  options: OpenOptions & { needs: Need[]; services: ServiceName[]; dataDir: string; logger: Logger },
) {
  const { needs, services, dataDir, model, logger, purpose = `./strandline ${process.argv[2] ?? ''}`.trim() } = options
  // Loaded only here: where real engines are used, the embedded ones may not even be installed.
  const [{ startStack }, { freePort, isPortFree }] = await Promise.all([
    import('../embedded/stack.ts'),
    import('../core/ports.ts'),
  ])
  const ports = stackPorts(options.basePort ?? DEFAULT_BASE_PORT)
  for (const name of Object.keys(ports) as (keyof StackPorts)[])
    if (!(await isPortFree(ports[name]))) ports[name] = await freePort()
  return startStack({ dataDir, ports, needs, services, env: withoutEngines(process.env), model, purpose, logger, say })
}

/** For commander: a port from which all ports of a stack are counted. */
export function basePort(value: string): number {
  const port = Number(value)
  if (!Number.isInteger(port) || port < 1024 || port > 65_500)
    throw new InvalidArgumentError('It must be a whole number from 1024 to 65500.')
  return port
}

/** For commander: a port of one service. */
export function port(value: string): number {
  const number = Number(value)
  if (!Number.isInteger(number) || number < 0 || number > 65_535)
    throw new InvalidArgumentError('It must be a whole number from 0 to 65535.')
  return number
}

export const TOKEN_FILE_HELP =
  'file that holds the token that clients send (default: STRANDLINE_TOKEN, or STRANDLINE_TOKEN_FILE); needed beyond loopback'

/** What the command line names beats the environment, and children get it. */
export function useTokenFile(file: string | undefined): void {
  if (file === undefined) return
  process.env.STRANDLINE_TOKEN_FILE = file
  delete process.env.STRANDLINE_TOKEN
}

export { SERVICES }
