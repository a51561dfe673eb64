/** What a process holds, from /proc: Linux only. */
import { readdirSync, readFileSync, readlinkSync } from 'node:fs'

export interface Held {
  /** Resident, MB; a file that others have mapped as well in equal parts, and no shared memory: PostgreSQL's buffers are as large as they are set. */
  memory: number
  handles: number
  sockets: number
}

/** Nothing where it is gone. */
export function heldBy(pid: number): Held | undefined {
  try {
    const smaps = readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8')
    const kB = (name: string) => Number(new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(smaps)?.[1] ?? 0)
    const links = readdirSync(`/proc/${pid}/fd`).flatMap((fd) => {
      try {
        return readlinkSync(`/proc/${pid}/fd/${fd}`)
      } catch {
        return [] // closed since
      }
    })
    return {
      memory: (kB('Pss') - kB('Pss_Shmem')) / 1024,
      handles: links.length,
      sockets: links.filter((to) => to.startsWith('socket:')).length,
    }
  } catch {
    return undefined
  }
}
