/** Sends bytes over a socket of their own and reads what comes, until the other side ends. */
import { connect } from 'node:net'

export interface Answer {
  status: number
  contentType: string
  body: string
}

export type Sent = { answers: Answer[] } | 'hangs'

/** Nothing of ours takes so long; a machine that does other things as well may. */
const PATIENCE_MS = 120_000

/** @param whole the other side has all that it needs to answer; otherwise we say that nothing more comes, and it may end as well */
export function send(
  url: string,
  bytes: Buffer,
  { whole, isHead }: { whole: boolean; isHead: boolean },
): Promise<Sent> {
  const { hostname, port } = new URL(url)
  return new Promise((resolve) => {
    const received: Buffer[] = []
    const socket = connect({ port: Number(port), host: hostname, allowHalfOpen: true })
    const timer = setTimeout(() => {
      socket.destroy()
      resolve('hangs')
    }, PATIENCE_MS)
    const done = () => {
      clearTimeout(timer)
      socket.destroy()
      resolve({ answers: answersIn(Buffer.concat(received), isHead).answers })
    }
    socket.on('data', (some) => {
      received.push(some)
      if (whole && answersIn(Buffer.concat(received), isHead).complete) done()
    })
    socket.on('end', done)
    socket.on('close', done)
    socket.on('error', () => {}) // it was ended while we wrote: what came before counts
    if (whole) socket.write(bytes)
    else socket.end(bytes)
  })
}

/** Those that have begun, and whether the last of them has ended; one that goes on until the connection ends has not. */
function answersIn(bytes: Buffer, isHead: boolean): { answers: Answer[]; complete: boolean } {
  const answers: Answer[] = []
  let rest = bytes
  let complete = false
  for (;;) {
    const end = rest.indexOf('\r\n\r\n')
    if (end < 0) return { answers, complete: complete && rest.length === 0 }
    const head = rest.toString('latin1', 0, end)
    const status = Number(/^HTTP\/1\.[01] (\d{3})/.exec(head)?.[1] ?? Number.NaN)
    const field = (name: string) => new RegExp(`^${name}: *(.*)$`, 'im').exec(head)?.[1]?.trim()
    rest = rest.subarray(end + 4)
    if (status === 100) continue
    const length = isHead || status === 204 || status === 304 ? '0' : field('content-length')
    const body = /chunked/i.test(field('transfer-encoding') ?? '') && !isHead ? unchunked(rest) : plain(rest, length)
    complete = body.complete
    rest = rest.subarray(body.bytes)
    answers.push({ status, contentType: field('content-type') ?? '', body: body.text })
  }
}

interface Body {
  text: string
  /** Of the connection. */
  bytes: number
  complete: boolean
}

function plain(rest: Buffer, length: string | undefined): Body {
  const bytes = Math.min(rest.length, Number(length ?? Number.POSITIVE_INFINITY))
  return { text: rest.toString('utf8', 0, bytes), bytes, complete: bytes === Number(length) }
}

function unchunked(bytes: Buffer): Body {
  const parts: Buffer[] = []
  const text = () => Buffer.concat(parts).toString('utf8')
  for (let at = 0; ; ) {
    const line = bytes.indexOf('\r\n', at)
    const size = line < 0 ? Number.NaN : Number.parseInt(bytes.toString('latin1', at, line), 16)
    if (Number.isNaN(size)) return { text: text(), bytes: bytes.length, complete: false }
    if (size === 0) return { text: text(), bytes: line + 4, complete: bytes.length >= line + 4 }
    parts.push(bytes.subarray(line + 2, line + 2 + size))
    at = line + 2 + size + 2
  }
}
