/**
 * The URL of a PostgreSQL as libpq and psql read it. pg takes `sslmode=require` for `verify-full`, with a warning on standard error, and so refuses a database whose
 * certificate is of an authority of its own, as hosted Supabase's is. Source: https://www.postgresql.org/docs/current/libpq-ssl.html, README of pg-connection-string.
 */
import pg from 'pg'

const MODES = ['disable', 'allow', 'prefer', 'require', 'verify-ca', 'verify-full', 'no-verify']

/**
 * For `connectionString` of pg. `allow` and `prefer`, by which libpq goes on in plain text where the server has no TLS, are taken for `require`: pg cannot go back, and a
 * password should not.
 */
export function asPgUrl(url: string): string {
  const [place = '', query] = url.split(/\?(.*)/s)
  const params = new URLSearchParams(query)
  if (params.has('uselibpqcompat')) return url
  if (params.get('sslrootcert') === 'system') {
    // the well-known authorities, whom Node knows by itself; libpq verifies the name as well then
    params.delete('sslrootcert')
    params.set('sslmode', 'verify-full')
  }
  if (['allow', 'prefer'].includes(params.get('sslmode') ?? '')) params.set('sslmode', 'require')
  if (['require', 'verify-ca'].includes(params.get('sslmode') ?? '')) params.set('uselibpqcompat', 'true')
  return params.size === 0 ? url : `${place}?${params}`
}

/** What no connection could be made with, for a sentence; undefined: nothing. */
export function faultOfUrl(url: string): string | undefined {
  const params = new URLSearchParams(url.split(/\?(.*)/s)[1])
  const mode = params.get('sslmode')
  if (mode !== null && !MODES.includes(mode)) return `its sslmode is '${mode}'`
  if (mode === 'verify-ca' && !params.has('sslrootcert'))
    return 'its sslmode is verify-ca, and sslrootcert names no file of an authority'
  try {
    new pg.Client({ connectionString: asPgUrl(url) })
    return undefined
  } catch (error) {
    return (error as Error).message
  }
}

/** What to do about a connection that TLS kept from being made, as pg says it; undefined: it was not TLS. */
export function tlsAdvice(message: string): string | undefined {
  if (/no encryption|SSL required/i.test(message))
    return 'It takes encrypted connections only: add ?sslmode=require (or verify-full) to its URL.'
  if (/does not support SSL/.test(message)) return 'It has no TLS: drop sslmode from its URL.'
  if (/certificate/i.test(message))
    return 'Name the file of its authority in its URL (sslmode=verify-full&sslrootcert=…), or encrypt whoever answers (sslmode=require).'
  return undefined
}
