/** A service of the stack in a Node process of its own, which ends when this one does. */
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { StrandlineError } from '../core/errors.ts'
import { bearer, readToken } from '../core/http-guard.ts'
import { NODE_FLAGS } from '../core/node-flags.ts'
import { isAlive, type StopStep, stopProcess } from '../core/processes.ts'
import type { ServiceName } from '../core/stack/layout.ts'
import { createTeller } from '../core/teller.ts'
import { lastWords, openLogFile } from './log-file.ts'
import type { Running } from './supervise.ts'
import type { Condition } from './wellness.ts'

const MAIN = fileURLToPath(new URL('../cli/main.ts', import.meta.url))
/** One that is started again must answer by then; whether it is ready is then looked at from outside. */
const ANSWER_MS = 60_000
const LOOK_MS = 5_000
export const SERVICE_STOP: StopStep[] = [
  ['SIGTERM', 20_000],
  ['SIGKILL', 5_000],
]

export interface ServiceProcessOptions {
  name: ServiceName
  port: number
  dataDir: string
  /** Further arguments of its command. */
  args?: string[]
  /** Points it at the engines. */
  env: Record<string, string>
  /** What it asks for and is asked with, also when it is started again: a file of it may be gone by then, or have another one. Default: as the environment has it now. */
  token?: string
  logFile: string
  /** Hears why it is not ready when that takes long. */
  say(sentence: string): void
  signal?: AbortSignal
  /** Waits until it can do its job; otherwise until it answers. */
  untilReady?: boolean
}

export interface ServiceProcess extends Running {
  url: string
}

/** What only the services of this stack have in their command line. */
export const serviceMarker = (dataDir: string) => `--child-of ${dataDir}`

const commandOf = (name: ServiceName) => (name === 'freqtrade' ? ['connect', name] : [name])

/** Resolves when the service says that it can do its job, or answers. Errors: ENGINE_FAILED with its own last words when it ends before. */
export async function startServiceProcess({
  name,
  port,
  dataDir,
  args = [],
  env,
  token = readToken(process.env),
  logFile,
  say,
  signal,
  untilReady = true,
}: ServiceProcessOptions): Promise<ServiceProcess> {
  const log = await openLogFile(logFile)
  const before = (await log.stat()).size
  // Detached: Ctrl-C in the terminal reaches the stack, which stops its parts in order.
  const at = ['--port', String(port)]
  const child = fork(MAIN, [...commandOf(name), ...args, ...at, ...serviceMarker(dataDir).split(/ (.*)/s, 2)], {
    execArgv: NODE_FLAGS,
    detached: true,
    stdio: ['ignore', log.fd, log.fd, 'ipc'],
    env: { ...process.env, ...env, ...(token ? { STRANDLINE_TOKEN: token, STRANDLINE_TOKEN_FILE: '' } : {}) },
  })
  const exited = once(child, 'exit').then(
    () => {},
    () => {},
  )
  await log.close()
  const { pid } = child
  const url = `http://127.0.0.1:${port}`
  if (pid === undefined) throw new StrandlineError('ENGINE_FAILED', `The process of ${name} could not be started.`)
  const stop = async () => {
    if (!(await stopProcess(pid, SERVICE_STOP)))
      throw new StrandlineError('ENGINE_FAILED', `${name} (process ${pid}) does not stop.`, { todo: `See ${logFile}.` })
  }
  const check = () => condition(url, token)
  const started = Date.now()
  let reason: string | undefined
  const waiting = createTeller(
    say,
    async () => `${name} is not ready yet: ${reason ?? (await lastWords(logFile, before))}`,
  )
  for (; isAlive(pid); await sleep(50)) {
    const now = await check()
    if (now.state === 'well' || (!untilReady && now.state === 'not ready')) return { pid, url, exited, stop, check }
    if (signal?.aborted) {
      await stop()
      throw signal.reason
    }
    if (!untilReady && Date.now() - started > ANSWER_MS) {
      await stop()
      throw new StrandlineError('ENGINE_FAILED', `${name} did not answer for ${ANSWER_MS / 1000} s: ${now.reason}.`)
    }
    reason = now.state === 'not ready' ? now.reason : undefined
    await waiting()
  }
  throw new StrandlineError('ENGINE_FAILED', `${name} did not start: ${await lastWords(logFile, before)}`, {
    todo: `See ${logFile}.`,
  })
}

async function condition(url: string, token: string | undefined): Promise<Condition> {
  const ask = async (path: string) => {
    const answer = await fetch(`${url}${path}`, { headers: bearer(token), signal: AbortSignal.timeout(LOOK_MS) })
    return { ok: answer.ok, reason: ((await answer.json()) as { reason?: string }).reason ?? `HTTP ${answer.status}` }
  }
  try {
    const ready = await ask('/readyz')
    if (ready.ok) return { state: 'well' }
    const health = await ask('/healthz')
    return health.ok ? { state: 'not ready', reason: ready.reason } : { state: 'dead', reason: health.reason }
  } catch {
    return { state: 'dead', reason: 'no answer' }
  }
}
