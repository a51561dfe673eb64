/**
 * Who may talk to an HTTP side of ours. A browser talks to whatever its user can reach, on behalf of any page: so a request names us by a name of ours
 * (DNS rebinding), comes from no foreign page, and has a body that a page cannot send without asking first. Beyond loopback it shows a token as well.
 */
import { createHash, timingSafeEqual } from 'node:crypto'
import type { IncomingHttpHeaders } from 'node:http'
import { StrandlineError } from './errors.ts'

type Env = Record<string, string | undefined>

export interface GuardOptions {
  /** What is listened on: loopback, or a token is needed. */
  host: string
  env?: Env
  /** Of a request's body. */
  mediaTypes?: string[]
  /** What has a key of its own asks for that instead. */
  hasKey?: boolean
}

/** The part of a request that is looked at. */
export interface Asked {
  method?: string
  url?: string
  headers: IncomingHttpHeaders
  socket: { localAddress?: string }
}

export interface Refusal {
  status: 400 | 401 | 403 | 415 | 421
  /** One sentence. */
  message: string
}

/** Undefined: it may come in. */
export type Guard = (request: Asked) => Refusal | undefined

/** Names of this machine for itself, as a Host header has them. */
const LOOPBACK = ['127.0.0.1', 'localhost', '[::1]']
const SHORTEST_TOKEN = 16

/** Errors: CONFIG_INVALID for STRANDLINE_TOKEN, STRANDLINE_ALLOWED_HOSTS, or a host beyond loopback without a token. */
export function createGuard({
  host,
  env = process.env,
  mediaTypes = ['application/json'],
  hasKey = false,
}: GuardOptions): Guard {
  const token = hasKey ? undefined : readToken(env)
  const names = new Set([...LOOPBACK, ...readNames(env)])
  if (!token && !hasKey && !isLoopback(host))
    throw new StrandlineError('CONFIG_INVALID', `STRANDLINE_HTTP_HOST is ${host}, and STRANDLINE_TOKEN is not set.`, {
      todo: `Set STRANDLINE_TOKEN to a secret of at least ${SHORTEST_TOKEN} characters, or listen on 127.0.0.1.`,
    })

  /** An address that a connection came in at cannot be another's name, so it is let in: service discovery by address works without a setting. */
  const isOurs = (name: string | undefined, { socket }: Asked) =>
    name !== undefined && (names.has(name) || name === bracketed(socket.localAddress))

  return (request) => {
    const { method = 'GET', url = '', headers } = request
    if (!url.startsWith('/')) return { status: 400, message: 'The request target is not a path.' }
    if (!isOurs(nameIn(headers.host), request))
      return {
        status: 421,
        message: `The Host ${shown(headers.host)} is not one of this service: set STRANDLINE_ALLOWED_HOSTS where it is.`,
      }
    if (headers.origin !== undefined && !isOurs(nameIn(/^https?:\/\/(.*)$/i.exec(headers.origin)?.[1]), request))
      return { status: 403, message: `A page of ${shown(headers.origin)} may not talk to this service.` }
    if (token && pathOf(url) !== '/healthz' && !shows(headers.authorization, token))
      return {
        status: 401,
        message: 'The token is missing or wrong: send STRANDLINE_TOKEN as "Authorization: Bearer …".',
      }
    if (!['GET', 'HEAD', 'OPTIONS'].includes(method) && hasBody(headers) && !mediaTypes.includes(mediaType(headers)))
      return { status: 415, message: `The content type of a body is ${mediaTypes.join(' or ')}.` }
    return undefined
  }
}

/** What a client of ours sends along: nothing where no token is set. */
export function tokenHeader(env: Env = process.env): Record<string, string> {
  const token = readToken(env)
  return token ? { authorization: `Bearer ${token}` } : {}
}

/** Undefined where none is set. Errors: CONFIG_INVALID when it is too short, or no header can carry it. */
export function readToken(env: Env): string | undefined {
  const token = env.STRANDLINE_TOKEN?.trim()
  if (!token) return undefined
  if (token.length < SHORTEST_TOKEN || !/^[\x21-\x7e]+$/.test(token))
    throw new StrandlineError('CONFIG_INVALID', 'STRANDLINE_TOKEN is too short, or has a character of another kind.', {
      todo: `Use at least ${SHORTEST_TOKEN} letters, digits and signs, e.g. of: openssl rand -hex 24.`,
    })
  return token
}

function readNames(env: Env): string[] {
  const names = (env.STRANDLINE_ALLOWED_HOSTS ?? '').split(',').map((name) => name.trim())
  return names.filter(Boolean).map((name) => {
    const read = nameIn(name)
    if (read === undefined)
      throw new StrandlineError('CONFIG_INVALID', `STRANDLINE_ALLOWED_HOSTS has '${name}'.`, {
        todo: 'Write names as a Host header has them, separated by commas, e.g. pm,learner.example.com.',
      })
    return read
  })
}

export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || /^127(\.\d{1,3}){3}$/.test(host)
}

/** Compares secrets without telling by its duration how much of them is right. */
export function sameSecret(shown: string, secret: string): boolean {
  const hash = (text: string) => createHash('sha256').update(text).digest()
  return timingSafeEqual(hash(shown), hash(secret))
}

/** As Bearer, or as the password of Basic, which is all that most clients of a schema registry know. */
function shows(authorization: string | undefined, token: string): boolean {
  const [, scheme, value] = /^(bearer|basic) +(\S+)$/i.exec(authorization ?? '') ?? []
  if (!scheme || !value) return false
  const secret = /^bearer$/i.test(scheme)
    ? value
    : Buffer.from(value, 'base64')
        .toString()
        .replace(/^[^:]*:/, '')
  return sameSecret(secret, token)
}

/** The name in name[:port], lower case; undefined for anything that is not that and no more. */
function nameIn(text: string | undefined): string | undefined {
  return /^([a-z0-9._-]+|\[[0-9a-f:.]+\])(:\d{1,5})?$/i.exec(text ?? '')?.[1]?.toLowerCase()
}

/** An address as a Host header has it; IPv4 that came in by IPv6 is IPv4. */
function bracketed(address: string | undefined): string | undefined {
  const plain = address?.replace(/^::ffff:(?=\d+\.)/, '')
  return plain?.includes(':') ? `[${plain}]` : plain
}

const pathOf = (url: string) => url.split('?', 1)[0]
const hasBody = (headers: IncomingHttpHeaders) =>
  headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0
const mediaType = (headers: IncomingHttpHeaders) =>
  (headers['content-type'] ?? '').split(';', 1)[0]!.trim().toLowerCase()
const shown = (header: string | undefined) => (header === undefined ? '(none)' : JSON.stringify(header.slice(0, 80)))
