/** Ports on the loopback interface. */
import { randomInt } from 'node:crypto'
import { readdirSync, readFileSync, readlinkSync } from 'node:fs'
import { createServer } from 'node:net'
import { StrandlineError } from './errors.ts'
import { commandLine } from './processes.ts'

const HOST = '127.0.0.1'

function tryListen(port: number): Promise<number | NodeJS.ErrnoException> {
  return new Promise((resolve) => {
    const server = createServer()
    server.once('error', resolve)
    server.listen({ port, host: HOST, exclusive: true }, () => {
      const address = server.address()
      server.close(() => resolve(typeof address === 'object' && address ? address.port : port))
    })
  })
}

export async function isPortFree(port: number): Promise<boolean> {
  return typeof (await tryListen(port)) === 'number'
}

/** Below what systems give to outgoing connections (32,768 and up on Linux): one of those would take the port before it is used. */
const FREE_FROM = 15_000
const FREE_TO = 32_000
const TRIES = 20

/** A port that nobody listens on now. Someone else may take it before it is used. */
export async function freePort(): Promise<number> {
  for (let i = 0; i < TRIES; i++) {
    const port = randomInt(FREE_FROM, FREE_TO)
    if (await isPortFree(port)) return port
  }
  const port = await tryListen(0)
  if (typeof port !== 'number') throw port
  return port
}

/** The pid that listens on a port of this machine; undefined where that cannot be told. */
export function portOwner(port: number): number | undefined {
  try {
    const hex = port.toString(16).toUpperCase().padStart(4, '0')
    const inodes = ['/proc/net/tcp', '/proc/net/tcp6']
      .flatMap((f) => readFileSync(f, 'utf8').split('\n').slice(1))
      .map((line) => line.trim().split(/\s+/))
      .filter((c) => c[1]?.endsWith(`:${hex}`) && c[3] === '0A')
      .map((c) => `socket:[${c[9]}]`)
    if (inodes.length === 0) return undefined
    for (const pid of readdirSync('/proc').filter((d) => /^\d+$/.test(d))) {
      try {
        if (readdirSync(`/proc/${pid}/fd`).some((fd) => inodes.includes(readlinkSync(`/proc/${pid}/fd/${fd}`))))
          return Number(pid)
      } catch {
        // Another user's process, or one that ended meanwhile.
      }
    }
  } catch {
    // No /proc here.
  }
  return undefined
}

/** PORT_TAKEN, naming the port, who has it where that can be told, and how to choose another. */
export function portTaken(port: number, what: string, flag: string): StrandlineError {
  const pid = portOwner(port)
  const program = pid === undefined ? undefined : commandLine(pid)?.split(' ')[0]
  const by = pid === undefined ? '' : ` by process ${pid}${program ? ` (${program})` : ''}`
  return new StrandlineError('PORT_TAKEN', `Port ${port}, which ${what} needs, is taken${by}.`, {
    todo: `Stop that program or choose other ports with ${flag}.`,
  })
}

export async function requirePort(port: number, what: string, flag: string): Promise<void> {
  if (!(await isPortFree(port))) throw portTaken(port, what, flag)
}
