/** Child processes of the embedded engines: finding out what a pid is, and stopping it. Linux and macOS. */
import { execFileSync } from 'node:child_process'
import { readdirSync, readFileSync, readlinkSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'

/** True while the process runs; a zombie does not. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    return stat[stat.lastIndexOf(')') + 2] !== 'Z'
  } catch {
    return process.platform !== 'linux'
  }
}

/** The process's command line, its arguments separated by spaces; undefined when there is no such process. */
export function commandLine(pid: number): string | undefined {
  try {
    if (process.platform === 'linux')
      return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ').trim() || undefined
    return execFileSync('ps', ['-o', 'command=', '-p', String(pid)], { encoding: 'utf8' }).trim() || undefined
  } catch {
    return undefined
  }
}

/**
 * Within what our pids mean something: this boot of this machine, and this container of it. undefined where that is not known (not Linux).
 */
export const PID_SPACE: string | undefined = pidSpace()

function pidSpace(): string | undefined {
  try {
    return `${readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()} ${readlinkSync('/proc/self/ns/pid')}`
  } catch {
    return undefined
  }
}

/** Whether `pid` is alive and was started with exactly this argument (or run of arguments). A pid alone proves nothing: it may have been given to another program. */
export function isRunningWith(pid: number, argument: string): boolean {
  return isAlive(pid) && ` ${commandLine(pid) ?? ''} `.includes(` ${argument} `)
}

export type StopStep = [signal: NodeJS.Signals, waitMs: number]

/** Sends each signal in turn until the process is gone. Resolves to true once it is. */
export async function stopProcess(pid: number, steps: StopStep[]): Promise<boolean> {
  for (const [signal, waitMs] of steps) {
    try {
      process.kill(pid, signal)
    } catch {
      // Gone already, or not ours to signal: the loop below tells which.
    }
    for (const until = Date.now() + waitMs; Date.now() < until; ) {
      if (!isAlive(pid)) return true
      await sleep(25)
    }
  }
  return !isAlive(pid)
}

/** Stops the process named in a pid file when its command line shows that it is ours. Resolves to its pid when there was one. */
export async function stopOrphan(pidFile: string, argument: string, steps: StopStep[]): Promise<number | undefined> {
  const pid = await readPid(pidFile)
  if (pid === undefined || pid === process.pid || !isRunningWith(pid, argument)) return undefined
  await stopProcess(pid, steps)
  return pid
}

/** The pids of all running programs that were started with exactly this argument. */
export const findProcesses = (argument: string): number[] => others().filter((pid) => isRunningWith(pid, argument))

/** The pids of all running programs whose arguments, or on Linux environment, name something in this folder. */
export const findProcessesIn = (folder: string): number[] =>
  others().filter((pid) => isAlive(pid) && `${commandLine(pid)} ${environment(pid)}`.includes(`${folder}/`))

function others(): number[] {
  const pids =
    process.platform === 'linux'
      ? readdirSync('/proc').filter((name) => /^\d+$/.test(name))
      : execFileSync('ps', ['-axo', 'pid='], { encoding: 'utf8' }).trim().split(/\s+/)
  return pids.map(Number).filter((pid) => pid !== process.pid)
}

function environment(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/environ`, 'utf8')
  } catch {
    return '' // not Linux, gone, or somebody else's
  }
}

/** The first line of a pid file as a number; undefined when there is none. */
async function readPid(pidFile: string): Promise<number | undefined> {
  const text = await readFile(pidFile, 'utf8').catch(() => '')
  const pid = Number.parseInt(text, 10)
  return Number.isInteger(pid) && pid > 1 ? pid : undefined
}
