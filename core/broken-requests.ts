/**
 * What Node answers by itself, before anybody sees a request: no HTTP at all, lengths that lie, headers without end, an expectation that nobody meets. Its
 * answers have no body, or one of another shape; whoever sent it is told why in ours.
 */
import { type IncomingMessage, type Server, type ServerOptions, type ServerResponse, STATUS_CODES } from 'node:http'
import type { Duplex } from 'node:stream'

/** JSON for a refusal with this status and sentence. */
export type RefusalBody = (status: number, message: string) => string

/**
 * Of every HTTP server of ours. A request without a Host is for the guard to refuse, which says why. Clients keep connections: one that we close while a request is
 * on its way is a lost answer for nothing, and after Node's five seconds a busy machine does so.
 */
export const HTTP_OPTIONS: ServerOptions = { requireHostHeader: false, keepAliveTimeout: 120_000 }

interface BrokenRequest extends Error {
  code?: string
  /** The parser's. */
  reason?: string
}

export function answerBrokenRequests(server: Server, bodyOf: RefusalBody, contentType = 'application/json'): void {
  /** The exchange under way on a connection. */
  const exchanges = new WeakMap<Duplex, { request: IncomingMessage; response: ServerResponse }>()
  server.on('request', (request, response) => {
    const { socket } = request
    const exchange = { request, response }
    exchanges.set(socket, exchange)
    response.once('close', () => {
      if (exchanges.get(socket) === exchange) exchanges.delete(socket)
    })
  })
  server.on('checkExpectation', (request, response) => {
    const message = `Expect: ${String(request.headers.expect).slice(0, 80)} is nothing that can be met here.`
    response.writeHead(417, { 'content-type': contentType, connection: 'close' })
    response.end(bodyOf(417, message))
  })
  server.on('clientError', (error: BrokenRequest, socket) => {
    if (error.code === 'ECONNRESET' || !socket.writable) return void socket.destroy()
    const under = exchanges.get(socket)
    if (under?.request.complete) {
      // it is what follows that is broken: whoever sent the whole one before it must hear what became of it
      under.response.once('close', () => socket.end())
      return
    }
    if (under?.response.headersSent) return void socket.destroy()
    const [status, message] = sentenceOf(error)
    const body = bodyOf(status, message)
    const head = [
      `HTTP/1.1 ${status} ${STATUS_CODES[status]}`,
      `content-type: ${contentType}`,
      `content-length: ${Buffer.byteLength(body)}`,
      'connection: close',
    ]
    socket.end(`${head.join('\r\n')}\r\n\r\n${body}`, () => socket.destroy())
  })
}

function sentenceOf({ code, reason, message }: BrokenRequest): [status: number, message: string] {
  switch (code) {
    case 'HPE_HEADER_OVERFLOW':
      return [431, 'The headers are larger than 16 KiB.']
    case 'HPE_CHUNK_EXTENSIONS_OVERFLOW':
      return [413, 'The chunk extensions are larger than 16 KiB.']
    case 'ERR_HTTP_REQUEST_TIMEOUT':
      return [408, 'The request did not arrive in time.']
    default:
      return [400, `The request is not HTTP/1.1 as it must be: ${(reason || message).replace(/[\r\n]+/g, ' ')}.`]
  }
}
