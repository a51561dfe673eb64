/** Processor time and memory of other processes. Linux; elsewhere null: the benchmark then leaves those columns empty. */
import { readdirSync, readFileSync } from 'node:fs'
import type { Cpu } from './rate.ts'

/** Kernel ticks a second in /proc: 100 on every Linux that Node runs on. */
const TICKS = 100

interface Stat {
  parent: number
  seconds: number
}

function stat(of: number | string): Stat | null {
  try {
    const text = readFileSync(`/proc/${of}/stat`, 'utf8')
    const fields = text.slice(text.lastIndexOf(')') + 2).split(' ')
    // ppid, utime, stime, cutime, cstime: the last two are of children that ended
    const [parent, utime, stime, cutime, cstime] = [1, 11, 12, 13, 14].map((i) => Number(fields[i]))
    return { parent: parent!, seconds: (utime! + stime! + cutime! + cstime!) / TICKS }
  } catch {
    return null
  }
}

/** Seconds of processor time that the process and its children have used; null where that cannot be told. */
export function cpuSeconds(pid: number, { children = false } = {}): number | null {
  const own = stat(pid)
  if (!own || !children) return own?.seconds ?? null
  let sum = own.seconds
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) continue
    const child = stat(Number(name))
    if (child?.parent === pid) sum += child.seconds
  }
  return sum
}

/** Of the process' main thread alone. */
export const mainThreadSeconds = (pid: number): number | null => stat(`${pid}/task/${pid}`)?.seconds ?? null

/** Of several processes, by name. */
export const cpuOf = (pids: Record<string, number>, options?: { children?: boolean }): Cpu =>
  Object.fromEntries(Object.entries(pids).map(([name, pid]) => [name, cpuSeconds(pid, options)]))

/** What was used between two looks; null where either is not known. */
export const differences = (after: Cpu, before: Cpu): Cpu =>
  Object.fromEntries(
    Object.entries(after).map(([name, now]) => {
      const then = before[name] ?? null
      return [name, now === null || then === null ? null : now - then]
    }),
  )

/** Highest resident memory of the process so far, in bytes; null where that cannot be told. */
export function peakMemory(pid: number): number | null {
  try {
    const [, kb] = /^VmHWM:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? []
    return kb === undefined ? null : Number(kb) * 1024
  } catch {
    return null
  }
}
