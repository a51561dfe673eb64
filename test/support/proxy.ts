/**
 * A TCP proxy before an HTTP endpoint that can lose what a network loses: a request, an answer, or everything without a word (half open). Requests are
 * told apart by a text in their first packet, e.g. the name of a database function.
 */
import { EventEmitter, once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'

/** What becomes of a request: it never arrives, its answer never comes back, or it is held until it is released, even if its sender is gone by then. */
export type Fate = 'lose request' | 'lose answer' | 'hold'

export interface LossyProxy {
  /** http:// URL of the proxy. */
  url: string
  /** The next `times` requests whose first packet contains `text` meet this fate, after `spared` others. */
  doom(text: string, fate: Fate, times?: number, spared?: number): void
  /** How many requests have met their fate. */
  doomed(): number
  /**
   * fetch through the proxy that gives up what the proxy has swallowed as soon as it has, as a client's time limit does later: no answer that comes slowly
   * is taken for a lost one. For one request at a time.
   */
  fetch: typeof fetch
  /** Resolves when another `times` requests have been given up. */
  givenUp(times: number): Promise<void>
  /** Lets the held requests go on to the endpoint; resolves once it has answered them all. */
  release(): Promise<void>
  /** From now on every connection, old or new, is open and silent; until it is ended, which closes them. */
  silence(): void
  speak(): void
  close(): Promise<void>
}

export async function startProxy(target: string): Promise<LossyProxy> {
  const { hostname, port } = new URL(target)
  const sockets = new Set<Socket>()
  const dooms: { text: string; fate: Fate; times: number; spared: number }[] = []
  const held: (() => Promise<void>)[] = []
  const swallowing = new EventEmitter()
  const swallowed = () => void swallowing.emit('swallowed')
  let doomed = 0
  let silent = false

  function fateOf(packet: Buffer): Fate | undefined {
    const found = dooms.find((d) => d.times > 0 && packet.includes(d.text))
    if (!found || found.spared-- > 0) return undefined
    found.times--
    doomed++
    return found.fate
  }

  function keep(socket: Socket): void {
    sockets.add(socket)
    socket.on('error', () => {}) // the other side went away: that is the point
    socket.on('close', () => sockets.delete(socket))
  }

  const server = createServer((client) => {
    keep(client)
    const upstream = connect(Number(port), hostname)
    keep(upstream)
    let fate: Fate | undefined
    let waiting: Buffer[] = []
    client.on('data', (packet: Buffer) => {
      if (silent) return swallowed()
      const first = fate === undefined ? fateOf(packet) : undefined
      fate ??= first
      if (fate === 'lose request') return swallowed()
      if (fate !== 'hold') {
        upstream.write(packet)
        return
      }
      if (first)
        held.push(async () => {
          const answered = once(upstream, 'data')
          upstream.write(Buffer.concat(waiting))
          waiting = []
          await answered
        })
      waiting.push(packet)
      swallowed()
    })
    upstream.on('data', (packet: Buffer) => {
      if (silent || fate === 'lose answer') swallowed()
      else if (fate === undefined && !client.destroyed) client.write(packet)
    })
    client.on('close', () => {
      if (fate !== 'hold') upstream.destroy()
    })
    upstream.on('close', () => {
      if (fate === undefined) client.destroy()
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const closeAll = () => {
    for (const socket of sockets) socket.destroy()
  }

  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    doom: (text, fate, times = 1, spared = 0) => void dooms.push({ text, fate, times, spared }),
    doomed: () => doomed,
    async fetch(input, init) {
      const giveUp = new AbortController()
      const swallow = () => giveUp.abort(new Error('no answer'))
      swallowing.once('swallowed', swallow)
      try {
        const response = await fetch(input, { ...init, signal: AbortSignal.any([giveUp.signal, init!.signal!]) })
        const body = await response.arrayBuffer()
        return new Response(body.byteLength > 0 ? body : null, response)
      } catch (error) {
        swallowing.emit('given up')
        throw error
      } finally {
        swallowing.off('swallowed', swallow)
      }
    },
    async givenUp(times) {
      for (let i = 0; i < times; i++) await once(swallowing, 'given up')
    },
    async release() {
      await Promise.all(held.splice(0).map((go) => go()))
    },
    silence() {
      silent = true
    },
    speak() {
      silent = false
      closeAll()
    },
    async close() {
      closeAll()
      server.close()
      await once(server, 'close')
    },
  }
}
