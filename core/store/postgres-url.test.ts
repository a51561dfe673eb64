import pg from 'pg'
import { expect, test, vi } from 'vitest'
import { requirePostgresUrl } from '../config.ts'
import { asPgUrl } from './postgres-url.ts'

const CA = new URL('../../package.json', import.meta.url).pathname
const at = (query: string) => `postgres://me:p%3Fw@db.example:5432/d${query}`
/** What pg makes of it. */
const tls = (query: string) => new pg.Client({ connectionString: asPgUrl(at(query)) } as pg.ClientConfig).ssl as unknown

test.each([
  ['', false],
  ['?application_name=x', false],
  ['?sslmode=disable', false],
  ['?sslmode=require', { rejectUnauthorized: false }],
  ['?sslmode=prefer', { rejectUnauthorized: false }],
  ['?sslmode=allow', { rejectUnauthorized: false }],
  ['?sslmode=no-verify', { rejectUnauthorized: false }],
  ['?sslmode=verify-full', {}],
  ['?sslrootcert=system', {}],
  ['?sslmode=require&sslrootcert=system', {}],
  [`?sslmode=verify-full&sslrootcert=${CA}`, { ca: expect.any(String) }],
  [`?sslmode=verify-ca&sslrootcert=${CA}`, { ca: expect.any(String), checkServerIdentity: expect.any(Function) }],
  [
    `?application_name=x&sslmode=require&sslrootcert=${CA}`,
    { ca: expect.any(String), checkServerIdentity: expect.any(Function) },
  ],
])('regression: TLS is as libpq reads the URL, without a warning: %s', (query, expected) => {
  const warned = vi.spyOn(process, 'emitWarning')
  expect(tls(query)).toEqual(expected)
  expect(warned).not.toHaveBeenCalled()
})

test('user, password and options stay what they are', () => {
  const client = new pg.Client({ connectionString: asPgUrl(at('?sslmode=require&options=-c%20search_path%3Da,b')) })
  expect(client).toMatchObject({ user: 'me', password: 'p?w', host: 'db.example', port: 5432, database: 'd' })
  expect(client).toHaveProperty('connectionParameters.options', '-c search_path=a,b')
})

test.each([
  [
    '?sslmode=verify-ca',
    'DATABASE_URL cannot be used: its sslmode is verify-ca, and sslrootcert names no file of an authority.',
  ],
  ['?sslmode=yes', "DATABASE_URL cannot be used: its sslmode is 'yes'."],
  ['?sslmode=verify-full&sslrootcert=/no/such.pem', /^DATABASE_URL cannot be used: .*\/no\/such.pem/],
])('what no connection can be made with is told before one is tried: %s', (query, sentence) => {
  expect(() => requirePostgresUrl(at(query), 'DATABASE_URL')).toThrow(sentence)
})
