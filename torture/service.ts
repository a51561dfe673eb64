/** One program of the stack in a process of its own, which is started again when it ends by itself, and ends when this one does. */
import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, fstatSync, openSync, readFileSync, writeFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { StrandlineError } from '../core/errors.ts'
import { NODE_FLAGS } from '../core/node-flags.ts'
import { stopProcess } from '../core/processes.ts'
import { aheadBy, clockEnvironment, findFaketime } from './clock.ts'
import { crashOf } from './crash.ts'

const MAIN = fileURLToPath(new URL('../cli/main.ts', import.meta.url))
const AGAIN_MS = 500
const START_MS = 120_000

export interface ServiceOptions {
  name: string
  /** Of ./strandline. */
  args: string[]
  port: number
  /** What says that it can do its job. */
  health: string
  env: Record<string, string>
  logFile: string
  /** Holds how far its own clock is ahead, while it has one. */
  clockFile: string
}

export interface Service {
  name: string
  url: string
  /** Of its process, while there is one. */
  pid(): number | undefined
  /** How often it ended without being told to. */
  ownEnds(): number
  /** Those of them that were crashes: what each says. */
  crashes(): readonly string[]
  /** Starts it, or starts it again; resolves once there is a process. */
  up(): void
  /** SIGKILL: it stays down until `up`. */
  kill(): Promise<void>
  /** SIGTERM: it stays down until `up`. */
  leave(): Promise<void>
  /** Its clock is so many seconds ahead, at once where it was started with one of its own, else from its next start; undefined: the machine's. */
  setClock(secondsAhead: number | undefined): void
  /** SIGSTOP, until `resume`. */
  pause(): void
  resume(): void
  /** Errors: ENGINE_FAILED. */
  ready(signal: AbortSignal): Promise<void>
}

export function createService({ name, args, port, health, env, logFile, clockFile }: ServiceOptions): Service {
  const url = `http://127.0.0.1:${port}`
  let child: ChildProcess | undefined
  let wanted = false
  let ownEnds = 0
  const crashes: string[] = []
  let clock: Record<string, string> = {}

  function spawn(): void {
    const log = openSync(logFile, 'a')
    const begin = fstatSync(log).size
    const started = fork(MAIN, [...args, '--port', String(port)], {
      execArgv: NODE_FLAGS,
      detached: true, // Ctrl-C in the terminal reaches the run, which ends its parts
      stdio: ['ignore', log, log, 'ipc'],
      env: { ...env, ...clock },
    })
    closeSync(log)
    child = started
    started.on('error', () => {})
    started.once('exit', (_, signal) => {
      if (child !== started || !wanted) return
      ownEnds++
      const crash = crashOf(readFileSync(logFile).subarray(begin).toString(), signal)
      if (crash) crashes.push(crash)
      setTimeout(() => {
        if (child === started && wanted) spawn()
      }, AGAIN_MS)
    })
  }

  async function end(how: () => Promise<unknown>): Promise<void> {
    wanted = false
    if (child?.pid === undefined || child.exitCode !== null || child.signalCode !== null) return
    const exited = once(child, 'exit')
    await how()
    await exited
  }

  return {
    name,
    url,
    pid: () => (wanted ? child?.pid : undefined),
    ownEnds: () => ownEnds,
    crashes: () => crashes,
    up() {
      if (wanted) return
      wanted = true
      spawn()
    },
    kill: () => end(async () => child?.kill('SIGKILL')),
    leave: () =>
      end(() =>
        stopProcess(child!.pid!, [
          ['SIGTERM', 20_000],
          ['SIGKILL', 5_000],
        ]),
      ),
    setClock(secondsAhead) {
      if (secondsAhead === undefined) clock = {}
      else {
        writeFileSync(clockFile, aheadBy(secondsAhead))
        clock = clockEnvironment(findFaketime()!, clockFile)
      }
    },
    pause: () => void child?.kill('SIGSTOP'),
    resume: () => void child?.kill('SIGCONT'),
    async ready(signal) {
      let reason = 'no answer'
      for (const until = Date.now() + START_MS; Date.now() < until; await sleep(200, undefined, { signal })) {
        try {
          const answer = await fetch(`${url}${health}`, { signal: AbortSignal.timeout(5_000) })
          if (answer.ok) return
          reason = (await answer.text()).slice(0, 300)
        } catch {
          // not yet
        }
      }
      throw new StrandlineError('ENGINE_FAILED', `${name} is not ready after ${START_MS / 1000} s: ${reason}.`, {
        todo: `See ${logFile}.`,
      })
    },
  }
}
