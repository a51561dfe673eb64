/** A service of the stack in a Node process of its own, which ends when this one does. */
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { StrandlineError } from '../core/errors.ts'
import type { ServiceName } from './layout.ts'
import { lastLines, openLogFile } from './log-file.ts'
import { isAlive, type StopStep, stopProcess } from './processes.ts'
import type { Running } from './supervise.ts'

const MAIN = fileURLToPath(new URL('../cli/main.ts', import.meta.url))
const PATIENCE_MS = 15_000
export const NODE_FLAGS = ['--disable-warning=ExperimentalWarning', '--disable-warning=TimeoutNegativeWarning']
export const SERVICE_STOP: StopStep[] = [
  ['SIGTERM', 20_000],
  ['SIGKILL', 5_000],
]

export interface ServiceProcessOptions {
  name: ServiceName
  port: number
  dataDir: string
  /** Points it at the engines. */
  env: Record<string, string>
  logFile: string
  /** Hears why it is not ready when that takes long. */
  say(sentence: string): void
  signal?: AbortSignal
}

export interface ServiceProcess extends Running {
  url: string
}

/** What only the services of this stack have in their command line. */
export const serviceMarker = (dataDir: string) => `--child-of ${dataDir}`

/** Resolves when the service says that it can do its job. Errors: ENGINE_FAILED with its own last words when it ends before. */
export async function startServiceProcess({
  name,
  port,
  dataDir,
  env,
  logFile,
  say,
  signal,
}: ServiceProcessOptions): Promise<ServiceProcess> {
  const log = await openLogFile(logFile)
  // Detached: Ctrl-C in the terminal reaches the stack, which stops its parts in order.
  const child = fork(MAIN, [name, '--port', String(port), ...serviceMarker(dataDir).split(/ (.*)/s, 2)], {
    execArgv: NODE_FLAGS,
    detached: true,
    stdio: ['ignore', log.fd, log.fd, 'ipc'],
    env: { ...process.env, ...env },
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
  for (let told = Date.now(); isAlive(pid); await sleep(50)) {
    const state = await readiness(url)
    if (state === 'ready') return { pid, url, exited, stop }
    if (signal?.aborted) {
      await stop()
      throw signal.reason
    }
    if (Date.now() - told > PATIENCE_MS) {
      told = Date.now()
      say(`${name} is not ready yet: ${state ?? (await lastLines(logFile, 1))}`)
    }
  }
  throw new StrandlineError('ENGINE_FAILED', `${name} did not start: ${await lastLines(logFile, 1)}`, {
    todo: `See ${logFile}.`,
  })
}

/** 'ready', the service's own reason why not, or undefined when it does not answer. */
async function readiness(url: string): Promise<string | undefined> {
  try {
    const answer = await fetch(`${url}/readyz`, { signal: AbortSignal.timeout(5_000) })
    return answer.ok ? 'ready' : ((await answer.json()) as { reason?: string }).reason
  } catch {
    return undefined
  }
}
