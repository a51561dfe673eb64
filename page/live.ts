/** Server-sent events: what moves, as it moves. One connection for each open page. */
import type { FastifyInstance } from 'fastify'
import type { LoopWatch } from './loop/watch-loop.ts'

/** A proxy in between ends a connection that says nothing. */
const SILENCE_MS = 15_000
/** A page that takes nothing any more is let go. */
const MOST_BUFFERED = 4 << 20

export function serveLive(app: FastifyInstance, loop: LoopWatch): void {
  app.get('/v1/live', (request, reply) => {
    reply.hijack()
    const { raw } = reply
    raw.writeHead(200, {
      'content-type': 'text/event-stream; charset=utf-8',
      'cache-control': 'no-store',
      'x-accel-buffering': 'no',
    })
    const send = (text: string) => {
      if (raw.writableLength > MOST_BUFFERED) raw.destroy()
      else raw.write(text)
    }
    const tell = (state: object) => send(`event: loop\ndata: ${JSON.stringify(state)}\n\n`)
    tell(loop.state())
    const stopListening = loop.listen(tell)
    const breathing = setInterval(() => send(':\n\n'), SILENCE_MS)
    request.raw.once('close', () => {
      clearInterval(breathing)
      stopListening()
    })
  })
}
