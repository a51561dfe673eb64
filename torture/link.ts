/**
 * A TCP connection between a service and what it needs that can be troubled: cut, slow, or half open. Half open: both sides hold a connection over which
 * nothing comes any more, in one direction or in both. What the server has done by then is done: with `answers` lost, its commit happened.
 */
import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'

export type Lost = 'requests' | 'answers'

export interface Link {
  port: number
  /** Ends every connection and refuses new ones. */
  cut(): void
  /** Each packet takes so much longer, in both directions. */
  slow(ms: number): void
  /** From now on these are swallowed, without a word; new connections are taken and stay silent. */
  mute(lost: Lost): void
  /** As it was. What went half open ends now, as it would once somebody's patience does. */
  mend(): void
  close(): Promise<void>
}

/** What can be done to a way that has one link, or several. */
export type Way = Pick<Link, 'cut' | 'slow' | 'mute' | 'mend'>

export const together = (links: readonly Link[]): Way => ({
  cut() {
    for (const link of links) link.cut()
  },
  slow(ms) {
    for (const link of links) link.slow(ms)
  },
  mute(lost) {
    for (const link of links) link.mute(lost)
  },
  mend() {
    for (const link of links) link.mend()
  },
})

type Trouble = { kind: 'none' } | { kind: 'cut' } | { kind: 'slow'; ms: number } | { kind: 'mute'; lost: Lost }

/** A link to a port of this machine. */
export async function createLink(port: number, targetPort: number): Promise<Link> {
  const sockets = new Set<Socket>()
  const lanes = new Set<{ flush(): void }>()
  let trouble: Trouble = { kind: 'none' }

  function keep(socket: Socket): void {
    sockets.add(socket)
    socket.setNoDelay(true)
    socket.on('error', () => {}) // the other side went away: that is the point
    socket.on('close', () => sockets.delete(socket))
  }

  /** One direction of one connection; what is slow keeps its order. */
  function carry(from: Socket, to: Socket, kind: Lost): void {
    const waiting: { due: number; chunk: Buffer }[] = []
    let timer: NodeJS.Timeout | undefined
    const write = (chunk: Buffer) => {
      if (to.destroyed || to.write(chunk)) return
      from.pause()
      to.once('drain', () => from.resume())
    }
    const flush = (until = Number.POSITIVE_INFINITY) => {
      clearTimeout(timer)
      timer = undefined
      while (waiting[0] && waiting[0].due <= until) write(waiting.shift()!.chunk)
      if (waiting[0]) timer = setTimeout(() => flush(Date.now()), Math.max(1, waiting[0].due - Date.now()))
    }
    const lane = { flush: () => flush() }
    lanes.add(lane)
    from.on('data', (chunk: Buffer) => {
      if (trouble.kind === 'mute' && trouble.lost === kind) return
      if (trouble.kind !== 'slow' && waiting.length === 0) return write(chunk)
      waiting.push({ due: Date.now() + (trouble.kind === 'slow' ? trouble.ms : 0), chunk })
      timer ??= setTimeout(() => flush(Date.now()), trouble.kind === 'slow' ? trouble.ms : 1)
    })
    from.on('close', () => {
      lanes.delete(lane)
      if (trouble.kind === 'mute') return // nobody hears of it, until it is mended
      flush()
      to.end()
    })
  }

  const server = createServer((client) => {
    keep(client)
    if (trouble.kind === 'cut') return void client.destroy()
    if (trouble.kind === 'mute') return void client.resume() // taken, and silent
    const upstream = connect(targetPort, '127.0.0.1')
    keep(upstream)
    upstream.on('error', () => client.destroy())
    carry(client, upstream, 'requests')
    carry(upstream, client, 'answers')
  })
  server.listen(port, '127.0.0.1')
  await once(server, 'listening')
  const endAll = () => {
    for (const socket of sockets) socket.destroy()
  }

  return {
    port,
    cut() {
      trouble = { kind: 'cut' }
      endAll()
    },
    slow(ms) {
      trouble = { kind: 'slow', ms }
    },
    mute(lost) {
      trouble = { kind: 'mute', lost }
    },
    mend() {
      const was = trouble.kind
      trouble = { kind: 'none' }
      if (was === 'mute') endAll()
      for (const lane of lanes) lane.flush()
    },
    async close() {
      trouble = { kind: 'cut' }
      endAll()
      server.close()
      await once(server, 'close')
    },
  }
}
