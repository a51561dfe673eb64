/** A service in this process: its port, what it needs from outside, and its end. */
import type { Command } from 'commander'
import { Registry } from 'prom-client'
import { systemClock } from '../core/clock.ts'
import { createCodec } from '../core/codec/position-closed-codec.ts'
import { readConfig } from '../core/config.ts'
import { type ErrorCode, explain, findStrandlineError, StrandlineError } from '../core/errors.ts'
import { type Host, openHost, stopOnSignals } from '../core/host.ts'
import { createLiveness, MAX_SILENCE_MS, startWatchdog } from '../core/liveness.ts'
import { createKafkaLog } from '../core/log/kafka-log.ts'
import { createLogger } from '../core/logger.ts'
import { startPresence } from '../core/presence.ts'
import type { Service, ServiceDeps, StartService } from '../core/service.ts'
import type { Need } from '../core/stack/layout.ts'
import { DEFAULT_BASE_PORT, dataDirPath, type ServiceName, stackPorts } from '../core/stack/layout.ts'
import { findStack } from '../core/stack/stack-file.ts'
import { compareWays, openStore } from '../core/store/open-store.ts'
import { createPresenceStore } from '../core/store/presence-store.ts'
import { startTelemetry } from '../core/telemetry.ts'
import { within } from '../core/within.ts'
import { port, TOKEN_FILE_HELP, useTokenFile } from './shared.ts'
import { chooseStack, environmentName, type StackChoice, settingsOf } from './stack-choice.ts'

export interface ServiceOptions {
  port?: number
  model?: string
  dataDir?: string
  tokenFile?: string
  childOf?: string
}

export interface ServiceTraits {
  /** Paths that need no token. */
  open?: readonly string[]
  /** Hears where it listens, before it can do its job. */
  listens?(url: string): void
}

/** What every command that runs a service takes. @param fallback port where none is given; 0: any that is free */
export function serviceOptions(command: Command, fallback: number): Command {
  command
    .option(
      '--port <port>',
      `HTTP port, for /healthz, /readyz, /metrics and the API (default: STRANDLINE_HTTP_PORT, else ${fallback || 'any that is free'})`,
      port,
    )
    .option('--token-file <file>', TOKEN_FILE_HELP)
    .option(
      '--data-dir <dir>',
      'the running stack to use (default: .strandline, where the environment names no engines)',
    )
  // Set by `up`, which finds its services by it.
  return command.addOption(command.createOption('--child-of <dir>').hideHelp())
}

/** Ends the process when it fails: with its port open it would live on, and whoever watches it would take it for well. */
export async function runService(
  name: ServiceName,
  options: ServiceOptions,
  load: () => Promise<StartService>,
  { open, listens }: ServiceTraits = {},
): Promise<void> {
  useTokenFile(options.tokenFile)
  const choice = stackOf(options)
  const env = { ...choice.env }
  if (options.model) env.STRANDLINE_MODEL = options.model
  const config = readConfig(env)
  const logger = createLogger({ name, level: config.logLevel })
  logger.info(choice.name)
  const metrics = new Registry()
  const liveness = createLiveness()
  const ending = new AbortController()
  const parts: { stop(): Promise<void> }[] = []
  const stop = async () => {
    ending.abort()
    for (const part of parts.splice(0).reverse()) await part.stop()
  }
  stopOnSignals(stop, logger)
  startWatchdog(liveness, (sentence) => {
    logger.error(`${name} ends: ${sentence} Whatever runs it starts it again.`)
    process.exit(1)
  })

  try {
    const telemetry = await startTelemetry(name, env)
    if (telemetry) parts.push(telemetry)
    const log = createKafkaLog(config, logger)
    parts.push({ stop: () => log.close() })
    const store = openStore(config)
    parts.push({ stop: () => store.close() })
    const wanted = options.port ?? (Number(env.STRANDLINE_HTTP_PORT?.trim()) || fallbackPort(name))
    const portFlag = options.childOf ? '--base-port' : '--port'
    const host = await openHost({ name, port: wanted, metrics, logger, liveness, portFlag, open })
    listens?.(host.url)
    parts.push(host)
    const deps: ServiceDeps = {
      config,
      log,
      store,
      codec: createCodec(config),
      clock: systemClock,
      logger,
      metrics,
      liveness,
    }
    const doubt = await compareWays(config)
    if (doubt) logger.warn(doubt)
    // ends after the host, whose service is drained then: until that it is there
    parts.splice(
      parts.indexOf(host),
      0,
      startPresence(name, { presence: createPresenceStore(store), clock: systemClock }),
    )
    const start = await load()
    const service = await startWhenPossible(start, deps, host, ending.signal)
    if (ending.signal.aborted)
      await service?.stop() // asked to end meanwhile
    else if (service) await host.serve(service)
  } catch (error) {
    await within(stop(), STOP_MS).catch(() => {}) // why it failed is said below
    throw error
  }
}

/** Several bots are connected on one machine. */
export const fallbackPort = (name: ServiceName): number =>
  name === 'freqtrade' ? 0 : stackPorts(DEFAULT_BASE_PORT)[name]

/** A child of `up` is told everything by it. */
function stackOf({ childOf, dataDir }: ServiceOptions): Pick<StackChoice, 'env' | 'name'> {
  const needs: Need[] = ['database', 'kafka', 'registry']
  if (childOf) return { env: process.env, name: environmentName(needs, process.env) }
  const folder = dataDirPath(dataDir)
  const choice = chooseStack({
    dataDir: folder,
    explicit: dataDir !== undefined,
    needs,
    env: process.env,
    running: findStack(folder),
  })
  if (choice.from !== 'folder') return choice
  throw new StrandlineError('STACK_NOT_RUNNING', `No stack runs in ${folder}, and the environment names no engines.`, {
    todo: `Start one (./strandline up), name the folder of one with --data-dir, or set ${settingsOf(needs).join(', ')}.`,
  })
}

/** What passes by itself: an engine that is not up yet. Everything else (a wrong key, an unknown model) ends the process at once. */
const PASSING: ErrorCode[] = ['STORE_UNREACHABLE', 'LOG_UNREACHABLE', 'REGISTRY_UNREACHABLE', 'LOG_TOPIC_MISSING']
const LONGEST_WAIT_MS = 10_000
const STOP_MS = 15_000

async function startWhenPossible(
  start: StartService,
  deps: ServiceDeps,
  host: Host,
  ending: AbortSignal,
): Promise<Service | undefined> {
  const starting = deps.liveness?.loop('The start', MAX_SILENCE_MS)
  for (let wait = 500; !ending.aborted; wait = Math.min(wait * 2, LONGEST_WAIT_MS)) {
    starting?.beat()
    // Each try counts anew: a metric must not be registered twice.
    deps.metrics.clear()
    try {
      const service = await start(deps)
      starting?.rest()
      return service
    } catch (error) {
      const known = findStrandlineError(error)
      if (!known || !PASSING.includes(known.code)) throw error
      deps.logger.warn({ code: known.code }, `waiting: ${explain(known)} Next try in ${wait / 1000} s.`)
      host.waits(explain(known))
      await systemClock.sleep(wait, ending)
    }
  }
  return undefined
}
