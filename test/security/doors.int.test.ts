/** Who gets in: every HTTP side of ours asked over real sockets, as a page in a browser, a program on the network or a person with curl would. */
import { once } from 'node:events'
import { connect } from 'node:net'
import { SchemaRegistry } from '@kafkajs/confluent-schema-registry'
import { Registry } from 'prom-client'
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest'
import { systemClock } from '../../core/clock.ts'
import { createCodec } from '../../core/codec/position-closed-codec.ts'
import { type Host, startHost } from '../../core/host.ts'
import { startDecision } from '../../services/decision/index.ts'
import { pmRoutes } from '../../services/pm/routes.ts'
import { startRegistry } from '../../services/registry/index.ts'
import { askEngine } from '../support/ask-engine.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { logger, testPortfolio } from '../support/pm.ts'
import { runCommand } from '../support/strandline.ts'

const TOKEN = 'a-token-of-this-test-only'
let db: TestDatabase
let kafka: { brokers: string; registryUrl: string }
beforeAll(async () => {
  db = await createTestDatabase()
  kafka = await askEngine('kafka')
})
afterAll(() => db?.stop())
afterEach(() => vi.unstubAllEnvs())

interface Answer {
  status: number
  text: string
}

/** The bytes as they are: fetch and curl would put a target and a Host right first. */
async function raw(
  url: string,
  target: string,
  { method = 'GET', body = '', headers = {} as Record<string, string> } = {},
) {
  const { hostname, port, host } = new URL(url)
  const socket = connect(Number(port), hostname)
  const lines = Object.entries({
    host,
    connection: 'close',
    ...(body ? { 'content-length': `${body.length}` } : {}),
    ...headers,
  })
  socket.write(`${method} ${target} HTTP/1.1\r\n${lines.map(([k, v]) => `${k}: ${v}\r\n`).join('')}\r\n${body}`)
  let text = ''
  socket.on('data', (chunk) => {
    text += chunk
  })
  await once(socket, 'close')
  return { status: Number(/^HTTP\/1\.1 (\d+)/.exec(text)?.[1] ?? 0), text } satisfies Answer
}

describe('the Supabase endpoint', () => {
  const key = () => ({ apikey: db.key, authorization: `Bearer ${db.key}` })

  test('regression: /_system and all else that lite has is not there, with and without the key, however it is written', async () => {
    const targets = [
      '/_system/info',
      '/_system/config',
      '//_system/info',
      '/_SYSTEM/info',
      '/%5fsystem/info',
      '/./_system/info',
      '/rest/../_system/info',
      '/rest/v1/../../_system/info',
      '/rest/v1/%2e%2e/%2e%2e/_system/info',
      '/rest/v1/..%2f..%2f_system/info',
      '/rest/v1/..\\..\\_system\\info',
      '/rest/v1/.%2e/.%2e/_system/info',
      '/rest/v1/%252e%252e/%252e%252e/_system/info',
      '/rest/v1//../../_system/info',
      '/rest/v1/..;/..;/_system/info',
      '\\_system\\info',
      '/\\_system/info',
      '/healthz/../_system/info',
      '/healthz/_system/info',
      '/healthz%2f..%2f_system/info',
      '/',
      '/_/',
      '/auth/v1/settings',
      '/auth/v1/admin/users',
      '/storage/v1/bucket',
      '/rest',
      '/rest/v1',
      '/REST/v1/learning_configs',
      '/rest/V1/learning_configs',
      '/rest/v1/%00',
      '/rest/v1/%',
      '/rest/v1/a%2fb',
      `${db.supabaseUrl}/_system/info`,
      'http://evil.example/rest/v1/',
      '*',
      '/_system/info?/rest/v1/',
      '/rest/v1?/../_system/info',
      '/rest/v1#/../../_system/info',
    ]
    for (const target of targets)
      for (const headers of [{}, key()]) {
        const { status, text } = await raw(db.supabaseUrl, target, { headers })
        expect([target, [400, 404].includes(status), text]).toEqual([
          target,
          true,
          expect.not.stringMatching(/postgres:\/\/|"database|"version"/),
        ])
      }
  })

  test('regression: without the key, or with another, nobody gets anything', async () => {
    const rpc = { method: 'POST', body: '{}' }
    const nobody: Record<string, string>[] = [
      {},
      { apikey: '' },
      { apikey: `${db.key}x` },
      { apikey: db.key.slice(0, -1) },
      { authorization: 'Bearer' },
      { authorization: `Basic ${db.key}` },
      { apikey: 'anon' },
      { apikey: db.key, authorization: 'Bearer sb_secret_another' },
      { authorization: `Bearer ${db.key}, ${db.key}` },
    ]
    for (const headers of nobody) {
      expect((await raw(db.supabaseUrl, '/rest/v1/', { headers })).status).toBe(401)
      expect((await raw(db.supabaseUrl, '/rest/v1/learning_configs?select=*', { headers })).status).toBe(401)
      const json = { 'content-type': 'application/json', ...headers }
      expect(
        (await raw(db.supabaseUrl, '/rest/v1/rpc/strandline_pm_outbox_state', { ...rpc, headers: json })).status,
      ).toBe(401)
    }
    for (const headers of [key(), { apikey: db.key }]) {
      expect((await raw(db.supabaseUrl, '/rest/v1/learning_configs?select=*', { headers })).status).toBe(200)
      const json = { 'content-type': 'application/json', ...headers }
      expect(
        (await raw(db.supabaseUrl, '/rest/v1/rpc/strandline_pm_outbox_state', { ...rpc, headers: json })).status,
      ).toBe(200)
    }
    expect((await raw(db.supabaseUrl, '/healthz')).status).toBe(200)
  })

  test('a foreign Host or page gets nothing even with the key', async () => {
    const ask = (more: Record<string, string>) =>
      raw(db.supabaseUrl, '/rest/v1/learning_configs', { headers: { ...key(), ...more } })
    expect((await ask({ host: 'evil.example' })).status).toBe(421)
    expect((await ask({ host: '127.0.0.1:1/_system/info?' })).status).toBe(421)
    expect((await ask({ origin: 'https://evil.example' })).status).toBe(403)
  })
})

async function host(service: 'pm' | 'decision'): Promise<Host> {
  const metrics = new Registry()
  const config = { brokers: [], registry: { url: kafka.registryUrl } } as never
  const started =
    service === 'decision'
      ? await startDecision({
          config,
          log: {} as never,
          store: db.store,
          codec: createCodec({ registry: { url: kafka.registryUrl }, topic: 't' } as never),
          clock: systemClock,
          logger,
          metrics,
        })
      : {
          name: 'pm',
          ready: async () => ({ ok: true as const }),
          routes: (app: Parameters<typeof pmRoutes>[0]) => pmRoutes(app, testPortfolio(db)),
          stop: async () => {},
        }
  return startHost({ service: started, port: 0, metrics, logger })
}

const POSITION = (id: string) =>
  JSON.stringify({
    id,
    token_chain: 'base',
    token_contract: '0x1',
    token_ticker: 'T',
    timeframe: '15m',
    entry_context: {},
  })
const JSON_TYPE = { 'content-type': 'application/json' }

describe('a service', () => {
  test('regression: a foreign Host, a foreign page or a form opens no position and is told nothing', async () => {
    const pm = await host('pm')
    const open = (id: string, headers: Record<string, string>) =>
      raw(pm.url, '/v1/positions', { method: 'POST', body: POSITION(id), headers: { ...JSON_TYPE, ...headers } })
    const refused: [string, Record<string, string>, number][] = [
      ['host', { host: 'evil.example' }, 421],
      [
        'rebound',
        { host: `evil.example:${new URL(pm.url).port}`, origin: `http://evil.example:${new URL(pm.url).port}` },
        421,
      ],
      ['page', { origin: 'https://evil.example' }, 403],
      ['sandbox', { origin: 'null' }, 403],
      ['form', { 'content-type': 'text/plain' }, 415],
      ['beacon', { 'content-type': 'application/x-www-form-urlencoded' }, 415],
    ]
    for (const [id, headers, status] of refused) {
      const answer = await open(id, headers)
      expect([id, answer.status, answer.text]).toEqual([
        id,
        status,
        expect.stringContaining('"code":"REQUEST_REFUSED"'),
      ])
    }
    expect(await db.sql('select id from lowcap_positions')).toEqual([])
    expect((await open('ours', {})).status).toBe(201)
    for (const path of ['/metrics', '/readyz', '/healthz', '/v1/positions/ours', '/nothing-here'])
      expect((await raw(pm.url, path, { headers: { host: 'evil.example' } })).status).toBe(421)
    await pm.stop()
  })

  test('every service has the same door', async () => {
    const decision = await host('decision')
    const ask = (headers: Record<string, string>) =>
      raw(decision.url, '/v1/allocations', { method: 'POST', body: '{}', headers: { ...JSON_TYPE, ...headers } })
    expect((await ask({ host: 'evil.example' })).status).toBe(421)
    expect((await ask({ origin: 'http://evil.example' })).status).toBe(403)
    expect((await ask({ 'content-type': 'text/plain' })).status).toBe(415)
    expect((await ask({})).status).toBe(400)
    await decision.stop()
  })

  test('a foreign Host or page posts no trade and no bars, and reads no documents', async () => {
    const pm = await host('pm')
    const bodies = {
      '/v1/trades': JSON.stringify({
        id: 'door-1',
        symbol: 'ETH/USDT',
        timeframe: '1h',
        opened_at: '2026-03-02T10:10:00Z',
        closed_at: '2026-03-02T14:30:00Z',
        entry_price: 1,
        exit_price: 2,
      }),
      '/v1/bars': JSON.stringify({ symbol: 'DOOR', timeframe: '1h', bars: [[1772445600000, 1, 2, 1, 2, 3]] }),
    }
    const foreign: [Record<string, string>, number][] = [
      [{ host: 'evil.example' }, 421],
      [{ host: `127.0.0.1.evil.example:${new URL(pm.url).port}` }, 421],
      [{ origin: 'https://evil.example' }, 403],
      [{ origin: 'null' }, 403],
      [{ 'content-type': 'text/plain' }, 415],
      [{ 'content-type': 'text/plain; charset=application/json' }, 415],
    ]
    for (const [path, body] of Object.entries(bodies))
      for (const [headers, status] of foreign) {
        const answer = await raw(pm.url, path, { method: 'POST', body, headers: { ...JSON_TYPE, ...headers } })
        expect([path, headers, answer.status]).toEqual([path, headers, status])
      }
    for (const path of ['/docs', '/openapi.json', '/v1/trades/door-1'])
      for (const [headers, status] of foreign.slice(0, 4))
        expect([path, (await raw(pm.url, path, { headers })).status]).toEqual([path, status])
    expect(await db.sql(`select 1 from strandline.posted_trades`)).toEqual([])
    expect(await db.sql(`select 1 from lowcap_price_data_ohlc where token_contract = 'DOOR'`)).toEqual([])
    for (const [path, body] of Object.entries(bodies))
      expect((await raw(pm.url, path, { method: 'POST', body, headers: JSON_TYPE })).status).toBeLessThan(300)
    await pm.stop()
  })

  test('with a token it is asked for everywhere but at /healthz and for what the service is', async () => {
    vi.stubEnv('STRANDLINE_TOKEN', TOKEN)
    const pm = await host('pm')
    const bearer = { authorization: `Bearer ${TOKEN}` }
    for (const path of ['/metrics', '/readyz', '/v1/positions/x', '/nothing-here']) {
      expect((await raw(pm.url, path)).status).toBe(401)
      expect(
        (await raw(pm.url, path, { headers: { authorization: 'Bearer another-token-of-that-length' } })).status,
      ).toBe(401)
      expect((await raw(pm.url, path, { headers: bearer })).status).not.toBe(401)
    }
    for (const path of ['/healthz', '/docs', '/openapi.json']) expect((await raw(pm.url, path)).status).toBe(200)
    await pm.stop()
  })

  test('--token-file: a token in a file lets a service listen beyond loopback, and one that is not there is said', async () => {
    const env = {
      KAFKA_BROKERS: '127.0.0.1:1',
      SCHEMA_REGISTRY_URL: 'http://127.0.0.1:1',
      SUPABASE_URL: 'http://127.0.0.1:1',
      SUPABASE_SERVICE_ROLE_KEY: 'k',
      STRANDLINE_HTTP_HOST: '0.0.0.0',
      STRANDLINE_TOKEN: TOKEN, // the command line beats it
    }
    const { code, stderr } = await runCommand(['pm', '--port', '0', '--token-file', '/nowhere/token'], { env })
    expect([code, stderr]).toEqual([
      1,
      expect.stringContaining('/nowhere/token cannot be read: there is no such file.'),
    ])
  })

  test('a configured Host is let in', async () => {
    vi.stubEnv('STRANDLINE_ALLOWED_HOSTS', 'pm, pm.example.com')
    const pm = await host('pm')
    expect((await raw(pm.url, '/metrics', { headers: { host: 'pm:7300' } })).status).toBe(200)
    expect((await raw(pm.url, '/metrics', { headers: { host: 'learner:7300' } })).status).toBe(421)
    await pm.stop()
  })

  test.each(['pm', 'learner', 'projector', 'decision', 'registry'])(
    '%s does not listen beyond loopback without a token',
    async (command) => {
      const env = {
        KAFKA_BROKERS: '127.0.0.1:1',
        SCHEMA_REGISTRY_URL: 'http://127.0.0.1:1',
        SUPABASE_URL: 'http://127.0.0.1:1',
        SUPABASE_SERVICE_ROLE_KEY: 'k',
        STRANDLINE_HTTP_HOST: '0.0.0.0',
      }
      const { code, stderr } = await runCommand([command, '--port', '0'], { env })
      expect([code, stderr]).toEqual([
        expect.any(Number),
        expect.stringContaining('STRANDLINE_HTTP_HOST is 0.0.0.0, and STRANDLINE_TOKEN is not set.'),
      ])
      expect(code).not.toBe(0)
      expect(stderr).not.toMatch(/\n\s+at /)
    },
  )
})

describe('the schema registry', () => {
  const schema = JSON.stringify({ schema: '"string"' })
  const register = (url: string, subject: string, headers: Record<string, string>) =>
    raw(url, `/subjects/${subject}/versions`, { method: 'POST', body: schema, headers })

  test('takes the media types of its clients and no other, no foreign Host and no foreign page', async () => {
    for (const [i, type] of [
      'application/vnd.schemaregistry.v1+json',
      'application/vnd.schemaregistry+json',
      'application/json; charset=utf-8',
    ].entries())
      expect((await register(kafka.registryUrl, `doors-${i}`, { 'content-type': type })).status).toBe(200)
    for (const type of ['text/plain', 'application/x-www-form-urlencoded', 'application/octet-stream'])
      expect((await register(kafka.registryUrl, 'doors-bad', { 'content-type': type })).status).toBe(415)
    expect((await register(kafka.registryUrl, 'doors-bad', {})).status).toBe(415)
    expect((await register(kafka.registryUrl, 'doors-bad', { ...JSON_TYPE, host: 'evil.example' })).status).toBe(421)
    const deletion = await raw(kafka.registryUrl, '/subjects/doors-0', {
      method: 'DELETE',
      headers: { origin: 'http://evil.example' },
    })
    expect([deletion.status, deletion.text]).toEqual([403, expect.stringContaining('"error_code":403')])
    expect((await fetch(`${kafka.registryUrl}/subjects/doors-bad/versions`)).status).toBe(404)
    expect((await fetch(`${kafka.registryUrl}/subjects/doors-0/versions`)).status).toBe(200)
  })

  test('with a token, a Confluent client gets in by its password, and another does not', async () => {
    vi.stubEnv('STRANDLINE_TOKEN', TOKEN)
    const registry = await startRegistry({ brokers: [kafka.brokers], port: 0 })
    const client = (password: string) =>
      new SchemaRegistry({ host: registry.url, auth: { username: 'anyone', password }, retry: { retries: 0 } })
    expect(await client(TOKEN).getLatestSchemaId('doors-0')).toEqual(expect.any(Number))
    await expect(client('another-password').getLatestSchemaId('doors-0')).rejects.toThrow(/token/)
    expect((await raw(registry.url, '/subjects')).status).toBe(401)
    expect((await raw(registry.url, '/subjects', { headers: { authorization: `Bearer ${TOKEN}` } })).status).toBe(200)
    await registry.stop()
  })
})
