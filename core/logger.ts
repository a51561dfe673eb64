/** Structured logs: one JSON object a line, or readable lines on a terminal. Nothing secret gets in: see `scrub` and `withoutCredentials`. */
import { type DestinationStream, type Logger, pino, stdSerializers } from 'pino'
import pretty from 'pino-pretty'
import { logLevel } from './config.ts'

export type { Logger } from 'pino'

/** Fields whose values never reach a log line, at any depth; whatever the spelling: serviceRoleKey, SUPABASE_SERVICE_ROLE_KEY, api-key. */
const SECRET_FIELD =
  /^(key|pass)$|(password|passwd|passphrase|secret|secretkey|token|authorization|cookie|credentials?|apikey|rolekey|privatekey|accesskey)$/
const isSecret = (field: string) => SECRET_FIELD.test(field.toLowerCase().replaceAll(/[^a-z]/g, ''))
const MAX_DEPTH = 8
/** pino formats the fields of a log call, not those of a child logger: there its own redaction has to do, which knows exact names only. */
const CHILD_FIELDS = ['password', 'key', 'apikey', 'secret', 'token', 'authorization', 'serviceRoleKey']
const CHILD_PATHS = CHILD_FIELDS.flatMap((f) => [f, `*.${f}`, `*.*.${f}`, `*.*.*.${f}`])

/** Removes `user:password@` from URLs and `sb_secret_…` keys, bearer and basic tokens from a text. */
export function withoutCredentials(text: string): string {
  return text
    .replace(/\b([a-z][a-z0-9+.-]*:\/\/)[^\s/?#@:'"]*(?::[^\s/?#@'"]*)?@/gi, '$1***@')
    .replace(/\bsb_secret_[\w-]+/g, 'sb_secret_***')
    .replace(/\b(Bearer|Basic)\s+[\w.~+/=-]{8,}/gi, '$1 ***')
    .replace(/\beyJ[\w-]{8,}\.[\w-]+\.[\w-]+/g, '***')
    .replace(
      /(?<![\w-])([\w-]*(?:password|passwd|secret|token|api[_-]?key|role[_-]?key)["']?\s*[=:]\s*["']?)[^\s"',;}]+/gi,
      '$1***',
    )
}

/** A copy of what is logged without what must not be; errors become plain objects, with their causes. */
function scrub(value: unknown, depth = 0): unknown {
  if (typeof value === 'string') return withoutCredentials(value)
  if (typeof value !== 'object' || value === null) return value
  if (Buffer.isBuffer(value)) return `<${value.length} bytes>`
  if (depth > MAX_DEPTH) return '…'
  if (value instanceof Error) return scrub({ ...stdSerializers.err(value) }, depth + 1)
  if (Array.isArray(value)) return value.map((v) => scrub(v, depth + 1))
  if ('toJSON' in value && typeof value.toJSON === 'function') return scrub(value.toJSON(), depth + 1) // a Date, a URL
  return Object.fromEntries(
    Object.entries(value).map(([field, v]) => [field, v && isSecret(field) ? '***' : scrub(v, depth + 1)]),
  )
}

export interface LoggerOptions {
  name?: string
  /** trace, debug, info, warn, error or silent. */
  level?: string
  /** Readable lines instead of JSON; by default when stderr is a terminal. */
  pretty?: boolean
  /** Where lines go; standard error by default, since standard output belongs to results. */
  destination?: DestinationStream
}

/** What cannot be written is kept up to this, and written once that is possible again. Bytes. */
const KEPT_BYTES = 1 << 20

/**
 * A log line that cannot be written (a full disk) is no reason to stop working: thrown from here, ENOSPC would come out of whatever loop, callback or
 * clean-up wanted to say something, and end it half way.
 */
function standardError(): DestinationStream {
  const stream = pino.destination({ dest: 2, sync: true, maxLength: KEPT_BYTES })
  stream.on('error', () => {})
  return stream
}

/** Errors: CONFIG_INVALID when `level` is not given and LOG_LEVEL is none. */
export function createLogger(options: LoggerOptions = {}): Logger {
  const { name, level = logLevel(), pretty: readable = process.stderr.isTTY === true } = options
  const stream =
    options.destination ??
    (readable
      ? pretty({ destination: 2, sync: true, ignore: 'pid,hostname', translateTime: 'HH:MM:ss.l', singleLine: true })
      : standardError())
  return pino(
    {
      name,
      level,
      timestamp: pino.stdTimeFunctions.isoTime,
      redact: { paths: CHILD_PATHS, censor: '***' },
      formatters: { log: (fields) => scrub(fields) as Record<string, unknown> },
      hooks: {
        logMethod(args, method) {
          const [first, ...rest] = args as unknown[]
          const error = first instanceof Error ? first : (first as { err?: unknown } | null)?.err
          // Where a call has no message pino takes the error's, past everything here.
          const full = error instanceof Error && rest.length === 0 ? [first, error.message] : args
          const [head, ...others] = full as unknown[]
          const fields = head instanceof Error ? { err: head } : head
          method.apply(
            this,
            [fields, ...others].map((a) => (typeof a === 'string' ? withoutCredentials(a) : a)) as Parameters<
              typeof method
            >,
          )
        },
      },
    },
    stream,
  )
}
