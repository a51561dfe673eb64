/**
 * Who may talk to an HTTP side of ours. A browser talks to whatever its user can reach, on behalf of any page: so a request names us by a name of ours
 * (DNS rebinding), comes from no foreign page, and has a body that a page cannot send without asking first. Beyond loopback it shows a token as well.
 */
import { createHash, timingSafeEqual } from 'node:crypto'
import { readFileSync } from 'node:fs'
import type { IncomingHttpHeaders } from 'node:http'
import { StrandlineError } from './errors.ts'
import { unreadable } from './unreadable.ts'

type Env = Record<string, string | undefined>

export interface GuardOptions {
  /** What is listened on: loopback, or a token is needed. */
  host: string
  env?: Env
  /** Of a request's body. */
  mediaTypes?: string[]
  /** What has a key of its own asks for that instead. */
  hasKey?: boolean
  /** Paths that need no token. Default: /healthz. */
  open?: readonly string[]
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
  /** One sentence: what is wrong. */
  message: string
  /** What to do about it. */
  todo: string
}

/** Undefined: it may come in. */
export type Guard = (request: Asked) => Refusal | undefined

/** Names of this machine for itself, as a Host header has them. */
const LOOPBACK = ['127.0.0.1', 'localhost', '[::1]']
const SHORTEST_TOKEN = 16

/** Errors: CONFIG_INVALID for STRANDLINE_TOKEN, its file, STRANDLINE_ALLOWED_HOSTS, or a host beyond loopback without a token. */
export function createGuard({
  host,
  env = process.env,
  mediaTypes = ['application/json'],
  hasKey = false,
  open = ['/healthz'],
}: GuardOptions): Guard {
  const token = hasKey ? undefined : readToken(env)
  const names = new Set([...LOOPBACK, ...readNames(env)])
  if (!token && !hasKey && !isLoopback(host))
    throw new StrandlineError('CONFIG_INVALID', `STRANDLINE_HTTP_HOST is ${host}, and STRANDLINE_TOKEN is not set.`, {
      todo: `Set STRANDLINE_TOKEN to a secret of at least ${SHORTEST_TOKEN} characters (or STRANDLINE_TOKEN_FILE to a file that holds it), or listen on 127.0.0.1.`,
    })

  /** An address that a connection came in at cannot be another's name, so it is let in: service discovery by address works without a setting. */
  const isOurs = (name: string | undefined, { socket }: Asked) =>
    name !== undefined && (names.has(name) || name === bracketed(socket.localAddress))

  return (request) => {
    const { method = 'GET', url = '', headers } = request
    if (!url.startsWith('/'))
      return { status: 400, message: 'The request target is not a path.', todo: 'Ask for a path, e.g. /healthz.' }
    if (!isOurs(nameIn(headers.host), request))
      return {
        status: 421,
        message: `The Host ${shown(headers.host)} is not one of this service.`,
        todo: 'Ask for it by its address, or set STRANDLINE_ALLOWED_HOSTS where the name is its own.',
      }
    if (headers.origin !== undefined && !isOurs(nameIn(/^https?:\/\/(.*)$/i.exec(headers.origin)?.[1]), request))
      return {
        status: 403,
        message: `A page of ${shown(headers.origin)} may not talk to this service.`,
        todo: 'Ask from a program of your own.',
      }
    if (token && !open.includes(pathOf(url)) && !shows(headers.authorization, token))
      return {
        status: 401,
        message: 'The token is missing or wrong.',
        todo: 'Send STRANDLINE_TOKEN as "Authorization: Bearer …".',
      }
    if (!['GET', 'HEAD', 'OPTIONS'].includes(method) && hasBody(headers) && !mediaTypes.includes(mediaType(headers)))
      return {
        status: 415,
        message: `The content type of the body is ${shown(headers['content-type'])}.`,
        todo: `Send ${mediaTypes.join(' or ')}.`,
      }
    return undefined
  }
}

/** What a client of ours sends along: nothing where no token is set. */
export function tokenHeader(env: Env = process.env): Record<string, string> {
  return bearer(readToken(env))
}

export function bearer(token: string | undefined): Record<string, string> {
  return token ? { authorization: `Bearer ${token}` } : {}
}

/**
 * STRANDLINE_TOKEN, or what the file of STRANDLINE_TOKEN_FILE holds; undefined where neither is set.
 * Errors: CONFIG_INVALID when it is too short, no header can carry it, or both are set; FILE_UNREADABLE.
 */
export function readToken(env: Env): string | undefined {
  const file = env.STRANDLINE_TOKEN_FILE?.trim()
  const said = env.STRANDLINE_TOKEN?.trim() || undefined
  if (!file && !said) return undefined
  if (file && said)
    throw new StrandlineError('CONFIG_INVALID', 'STRANDLINE_TOKEN and STRANDLINE_TOKEN_FILE are both set.', {
      todo: 'Set one of them.',
    })
  const token = said ?? tokenIn(file as string)
  if (token.length < SHORTEST_TOKEN || !/^[\x21-\x7e]+$/.test(token))
    throw new StrandlineError(
      'CONFIG_INVALID',
      `${said ? 'STRANDLINE_TOKEN' : `The token in ${file}`} is too short, or has a character of another kind.`,
      { todo: `Use at least ${SHORTEST_TOKEN} letters, digits and signs, e.g. of: openssl rand -hex 24.` },
    )
  return token
}

function tokenIn(file: string): string {
  try {
    return readFileSync(file, 'utf8').trim()
  } catch (cause) {
    throw unreadable(file, cause, 'STRANDLINE_TOKEN_FILE (or --token-file) names a file that holds the token alone.')
  }
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

const pathOf = (url: string) => url.split('?', 1)[0] as string
const hasBody = (headers: IncomingHttpHeaders) =>
  headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0
const mediaType = (headers: IncomingHttpHeaders) =>
  (headers['content-type'] ?? '').split(';', 1)[0]!.trim().toLowerCase()
const shown = (header: string | undefined) => (header === undefined ? '(none)' : JSON.stringify(header.slice(0, 80)))
