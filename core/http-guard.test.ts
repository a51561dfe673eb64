import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import {
  type Asked,
  createGuard,
  type GuardOptions,
  isLoopback,
  readToken,
  sameSecret,
  tokenHeader,
} from './http-guard.ts'

const TOKEN = 'a-token-of-some-length'
const ask = (headers: Record<string, string>, more: Partial<Asked> = {}): Asked => ({
  method: 'GET',
  url: '/v1/timeframes',
  headers: { host: '127.0.0.1:7301', ...headers },
  socket: { localAddress: '127.0.0.1' },
  ...more,
})
const status = (options: Partial<GuardOptions>, request: Asked) =>
  createGuard({ host: '127.0.0.1', env: {}, ...options })(request)?.status

test.each(['127.0.0.1', '127.0.0.1:7301', 'localhost', 'LOCALHOST:1', '[::1]', '[::1]:7301'])(
  'the Host %s is ours',
  (host) => expect(status({}, ask({ host }))).toBe(undefined),
)

test.each([
  'evil.example',
  'evil.example:7301',
  'localhost.evil.example',
  '127.0.0.1.evil.example',
  '127.0.0.1@evil.example',
  '127.0.0.1:7301/x',
  'localhost:',
  'localhost,evil.example',
  '[::1',
  '2130706433',
  '0.0.0.0',
  '',
  'local host',
])('the Host %j is not', (host) => expect(status({}, ask({ host }))).toBe(421))

test('a Host that is configured is ours, with any port, and no other', () => {
  const env = { STRANDLINE_ALLOWED_HOSTS: ' pm, Learner.example.com:7300 ,' }
  for (const host of ['pm:7300', 'PM', 'learner.example.com:99']) expect(status({ env }, ask({ host }))).toBe(undefined)
  for (const host of ['pm.evil.example', 'example.com']) expect(status({ env }, ask({ host }))).toBe(421)
})

test('the address that the connection came in at is ours, another is not', () => {
  const socket = { localAddress: '::ffff:172.18.0.5' }
  expect(status({}, ask({ host: '172.18.0.5:7300' }, { socket }))).toBe(undefined)
  expect(status({}, ask({ host: '172.18.0.6:7300' }, { socket }))).toBe(421)
})

test.each([
  'http://evil.example',
  'https://localhost.evil.example',
  'null',
  'http://127.0.0.1@evil.example',
  'file://',
  '',
])('a page of %j is refused', (origin) => expect(status({}, ask({ origin }))).toBe(403))

test('a page of our own is not', () => {
  for (const origin of ['http://127.0.0.1:8080', 'http://localhost', 'https://[::1]:9'])
    expect(status({}, ask({ origin }))).toBe(undefined)
})

describe('a body', () => {
  const post = (headers: Record<string, string>) => ask({ 'content-length': '2', ...headers }, { method: 'POST' })
  test.each([
    'text/plain',
    'application/x-www-form-urlencoded',
    'multipart/form-data; boundary=x',
    'text/plain; application/json',
    'application/jsonp',
    '',
  ])('of type %j is refused: a foreign page can send it unasked', (type) =>
    expect(status({}, post({ 'content-type': type }))).toBe(415),
  )
  test('of type JSON is taken, none at all needs no type, and a chunked one is one', () => {
    expect(status({}, post({ 'content-type': 'Application/JSON; charset=utf-8' }))).toBe(undefined)
    expect(status({}, post({ 'content-length': '0' }))).toBe(undefined)
    expect(status({}, ask({ 'transfer-encoding': 'chunked' }, { method: 'DELETE' }))).toBe(415)
  })
})

describe('with a token', () => {
  const env = { STRANDLINE_TOKEN: TOKEN }
  const basic = (text: string) => `Basic ${Buffer.from(text).toString('base64')}`
  test.each([`Bearer ${TOKEN}`, `bearer  ${TOKEN}`, basic(`anyone:${TOKEN}`), basic(`:${TOKEN}`)])(
    '%s comes in',
    (authorization) => expect(status({ env }, ask({ authorization }))).toBe(undefined),
  )
  test.each([
    '',
    'Bearer',
    `Bearer ${TOKEN}x`,
    `Bearer ${TOKEN.slice(1)}`,
    TOKEN,
    basic(TOKEN.slice(1)),
    basic('a:b'),
    `Digest ${TOKEN}`,
  ])('%j does not', (authorization) => expect(status({ env }, ask({ authorization }))).toBe(401))
  test('only /healthz is open', () => {
    expect(status({ env }, ask({}, { url: '/healthz' }))).toBe(undefined)
    expect(status({ env }, ask({}, { url: '/healthz?x=1' }))).toBe(undefined)
    for (const url of ['/metrics', '/readyz', '/healthz/', '/healthz/x', '/HEALTHZ', '/v1/positions/healthz'])
      expect(status({ env }, ask({}, { url }))).toBe(401)
  })
  test('and what the host opens as well', () => {
    const open = ['/healthz', '/docs']
    expect(status({ env, open }, ask({}, { url: '/docs?x' }))).toBe(undefined)
    for (const url of ['/docs/', '/docs/x', '/openapi.json']) expect(status({ env, open }, ask({}, { url }))).toBe(401)
    expect(status({ env, open }, ask({ host: 'evil.example' }, { url: '/docs' }))).toBe(421)
    expect(status({ env, open }, ask({ origin: 'http://evil.example' }, { url: '/docs' }))).toBe(403)
  })
  test('our clients send it', () => expect(status({ env }, ask(tokenHeader(env)))).toBe(undefined))
})

test.each(['http://evil.example/v1/timeframes', '*', 'evil.example:443', ''])(
  'the request target %j is refused',
  (url) => expect(status({}, ask({}, { url }))).toBe(400),
)

test('who listens beyond loopback needs a token, or a key of its own', () => {
  for (const host of ['0.0.0.0', '::', '10.0.0.5', 'example.com'])
    expect(() => createGuard({ host, env: {} })).toThrow(/STRANDLINE_HTTP_HOST is .*STRANDLINE_TOKEN is not set/)
  createGuard({ host: '0.0.0.0', env: { STRANDLINE_TOKEN: TOKEN } })
  createGuard({ host: '0.0.0.0', env: {}, hasKey: true })
  expect(['127.0.0.1', '127.1.2.3', '::1', 'localhost'].map(isLoopback)).toEqual([true, true, true, true])
})

test('a setting that is no token or no name is said', () => {
  for (const STRANDLINE_TOKEN of ['short', 'fifteen-letters', 'with a space in the middle', 'umlaut-ü-umlaut-ü'])
    expect(() => readToken({ STRANDLINE_TOKEN })).toThrow(/STRANDLINE_TOKEN/)
  expect(() => createGuard({ host: '127.0.0.1', env: { STRANDLINE_ALLOWED_HOSTS: 'http://x' } })).toThrow(
    /'http:\/\/x'/,
  )
})

describe('a token in a file', () => {
  const dir = mkdtempSync(join(tmpdir(), 'strandline-token-'))
  afterAll(() => rmSync(dir, { recursive: true }))
  const file = join(dir, 'token')

  test('is the token, without the line end that an editor adds', () => {
    writeFileSync(file, `${TOKEN}\n`)
    expect(readToken({ STRANDLINE_TOKEN_FILE: file })).toBe(TOKEN)
    expect(status({ env: { STRANDLINE_TOKEN_FILE: file } }, ask({}))).toBe(401)
    createGuard({ host: '0.0.0.0', env: { STRANDLINE_TOKEN_FILE: file } })
  })

  test('that is short, or not there, or set beside another one, is said', () => {
    writeFileSync(file, 'short\n')
    expect(() => readToken({ STRANDLINE_TOKEN_FILE: file })).toThrow(/The token in .* is too short/)
    writeFileSync(file, '')
    expect(() => readToken({ STRANDLINE_TOKEN_FILE: file })).toThrow(/is too short/)
    expect(() => readToken({ STRANDLINE_TOKEN_FILE: join(dir, 'none') })).toThrow(/there is no such file/)
    expect(() => readToken({ STRANDLINE_TOKEN_FILE: file, STRANDLINE_TOKEN: TOKEN })).toThrow(/both set/)
  })
})

test('secrets of any length are compared', () => {
  expect([sameSecret('a', 'a'), sameSecret('a', 'ab'), sameSecret('', 'a')]).toEqual([true, false, false])
})
