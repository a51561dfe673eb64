/** How long the page takes to show something, of a long log: its own process, asked over HTTP as a browser asks it. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { StrandlineError } from '../core/errors.ts'
import { freePort } from '../core/ports.ts'

export interface PageTimes {
  /** Seconds. `ready`: from its start until it can answer; then, of a page that was just started and again later: */
  seconds: Record<
    'ready' | 'loop' | 'coefficients_first' | 'coefficients' | 'interactions' | 'as_of_first' | 'as_of' | 'coefficient',
    number
  >
  /** Bytes that a first view takes, compressed as they are sent, without the connection's own. */
  first_view_bytes: number
  /** Resident, after all of it. */
  memory: number
}

const STRANDLINE = fileURLToPath(new URL('../strandline', import.meta.url))
const READY_MS = 120_000
/** Rows of one page of a table. */
const ROWS = 100

export async function measurePage(env: Record<string, string | undefined>): Promise<PageTimes> {
  const port = await freePort()
  const url = `http://127.0.0.1:${port}`
  const seconds = {} as PageTimes['seconds']
  const timed = async <T>(what: keyof PageTimes['seconds'], work: () => Promise<T>): Promise<T> => {
    const started = performance.now()
    const result = await work()
    seconds[what] = (performance.now() - started) / 1000
    return result
  }
  const child = spawn(STRANDLINE, ['page', '--port', String(port)], {
    env: { ...process.env, LOG_LEVEL: 'error', ...env },
    stdio: ['ignore', 'ignore', 'inherit'],
  })
  try {
    await timed('ready', () => untilReady(url, child))
    const first_view_bytes = await timed('loop', () => firstView(url))
    const ask = async (path: string) => {
      const answer = await fetch(`${url}${path}`)
      const body = (await answer.json()) as { error?: { message: string }; at?: string }
      if (!answer.ok) throw new StrandlineError('ENGINE_FAILED', `${path}: ${body.error?.message}`)
      return body
    }
    const levers = `/v1/coefficients?scope=lever&sort=weight&limit=${ROWS}`
    const interactions = `/v1/coefficients?scope=interaction&sort=weight&limit=${ROWS}&offset=5000`
    await timed('coefficients_first', () => ask(levers))
    await timed('as_of_first', () => ask(`${levers}&as_of=2025-04-15T00:00Z`))
    await timed('coefficients', () => ask(levers))
    await timed('interactions', () => ask(interactions))
    await timed('as_of', () => ask(`${levers}&as_of=2025-05-01T00:00Z`))
    await timed('coefficient', () => ask('/v1/history?name=chain&key=base&points=200'))
    return { seconds, first_view_bytes, memory: residentBytes(child) }
  } finally {
    child.kill('SIGTERM')
    if (child.exitCode === null) await once(child, 'exit')
  }
}

async function untilReady(url: string, child: ChildProcess): Promise<void> {
  const until = Date.now() + READY_MS
  while (Date.now() < until) {
    if (child.exitCode !== null) break
    const ready = await fetch(`${url}/readyz`).then(
      (r) => r.ok,
      () => false,
    )
    if (ready) return
    await sleep(20)
  }
  throw new StrandlineError('ENGINE_FAILED', 'The page did not become ready.')
}

/** The document, what it loads, and the first word of the loop. */
async function firstView(url: string): Promise<number> {
  const asked = new Map<string, Promise<number>>()
  const load = (path: string): void => {
    if (!asked.has(path)) asked.set(path, read(path))
  }
  async function read(path: string): Promise<number> {
    const answer = await fetch(`${url}${path}`, { headers: { 'accept-encoding': 'gzip' } })
    const text = await answer.text()
    // what is loaded only later is imported by a call
    for (const [, next] of text.matchAll(/(?:from\s*|import\s+|src=|href=)["']([./][^"']*)["']/g))
      if (!next?.endsWith('/')) load(new URL(next as string, `${url}${path}`).pathname)
    return Number(answer.headers.get('content-length') ?? text.length)
  }
  const ending = new AbortController()
  const live = fetch(`${url}/v1/live`, { signal: ending.signal })
  load('/')
  load('/web/views/loop.ts')
  let bytes = 0
  for (let done = 0; done < asked.size; ) {
    const all = [...asked.values()]
    const sizes = await Promise.all(all)
    done = all.length
    bytes = sizes.reduce((a, b) => a + b, 0)
  }
  const reader = (await live).body?.getReader()
  const { value } = (await reader?.read()) ?? {}
  ending.abort()
  return bytes + (value?.length ?? 0)
}

const residentBytes = ({ pid }: ChildProcess): number => {
  const kib = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]
  return Number(kib) * 1024
}
