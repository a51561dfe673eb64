import { once } from 'node:events'
import { createServer } from 'node:http'
import { type AddressInfo, connect } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { Registry } from 'prom-client'
import { afterEach, expect, test, vi } from 'vitest'
import { type Host, openHost } from './host.ts'
import { createLiveness } from './liveness.ts'
import { createLogger } from './logger.ts'
import type { Service } from './service.ts'

const open: { stop(): Promise<unknown> }[] = []
afterEach(async () => {
  vi.unstubAllEnvs()
  for (const one of open.splice(0)) await one.stop()
})

const service: Service = {
  name: 'pm',
  ready: async () => ({ ok: true }),
  routes: (app) => app.get('/v1/positions', async () => []),
  stop: async () => undefined,
}

async function host(options: Partial<Parameters<typeof openHost>[0]> = {}): Promise<Host> {
  const opened = await openHost({
    name: 'pm',
    port: 0,
    host: '127.0.0.1',
    metrics: new Registry(),
    logger: createLogger({ level: 'silent' }),
    ...options,
  })
  open.push(opened)
  return opened
}

async function ask(host: Host, path: string): Promise<[number, unknown]> {
  const answer = await fetch(`${host.url}${path}`)
  return [answer.status, await answer.json()]
}

test('a service that waits for its engines is alive, not ready, and says what it waits for', async () => {
  const waiting = await host()
  expect(await ask(waiting, '/healthz')).toEqual([200, { status: 'starting', service: 'pm' }])
  expect(await ask(waiting, '/readyz')).toEqual([503, { service: 'pm', ok: false, reason: 'pm is starting.' }])
  waiting.waits('Kafka does not answer.')
  const not = { service: 'pm', ok: false, reason: 'Kafka does not answer.' }
  expect(await ask(waiting, '/readyz')).toEqual([503, not])
  const later = { code: 'NOT_READY', message: 'Kafka does not answer.', todo: 'Send it again later.' }
  expect(await ask(waiting, '/v1/positions')).toEqual([503, { error: later }])
  await waiting.serve(service)
  expect(await ask(waiting, '/healthz')).toEqual([200, { status: 'ok', service: 'pm' }])
  expect(await ask(waiting, '/readyz')).toEqual([200, { service: 'pm', ok: true }])
  expect(await ask(waiting, '/v1/positions')).toEqual([200, []])
})

test('regression: a connection is kept for minutes: one that is closed while a request is on its way is a lost answer for nothing', async () => {
  const served = await host()
  expect((await fetch(`${served.url}/healthz`)).headers.get('keep-alive')).toBe('timeout=120')
  await served.serve(service)
  expect((await fetch(`${served.url}/v1/positions`)).headers.get('keep-alive')).toBe('timeout=120')
})

test('a port that is taken is found before anything is started', async () => {
  const other = createServer()
  other.listen(0, '127.0.0.1')
  await once(other, 'listening')
  open.push({ stop: async () => other.close() })
  const { port } = other.address() as AddressInfo
  await expect(host({ port })).rejects.toMatchObject({
    code: 'PORT_TAKEN',
    message: `Port ${port} for pm is taken by another program.`,
  })
})

test('regression: a host that is none, or that this machine does not have, is one sentence that names it', async () => {
  vi.stubEnv('STRANDLINE_TOKEN', 'a-token-of-more-than-16')
  for (const name of ['nowhere.invalid', '192.0.2.1'])
    await expect(host({ host: name })).rejects.toMatchObject({
      code: 'CONFIG_INVALID',
      message: `${name} is no address of this machine: nothing can listen on it.`,
    })
})

test('regression: what no route has seen is refused in our shape and words: bodies, paths, methods', async () => {
  const served = await host()
  await served.serve({ ...service, routes: (app) => app.post('/v1/positions', async () => []) })
  const refusal = async (path: string, body?: string) => {
    const headers = { 'content-type': 'application/json' }
    const answer = await fetch(`${served.url}${path}`, body === undefined ? {} : { method: 'POST', headers, body })
    return [answer.status, await answer.json()]
  }
  const refused = (message: string, todo: string | null) => ({ error: { code: 'REQUEST_REFUSED', message, todo } })
  const one = 'Send one JSON object.'
  const noJson = refused('The body is not JSON, or has a key __proto__ or constructor.prototype.', one)
  expect(await refusal('/v1/positions', '{bad')).toEqual([400, noJson])
  expect(await refusal('/v1/positions', '{"__proto__": {"id": "x"}}')).toEqual([400, noJson])
  expect(await refusal('/v1/positions', '')).toEqual([
    400,
    refused('The body is empty, and its content type promises JSON.', one),
  ])
  expect(await refusal('/v1/positions', `"${'a'.repeat(2 ** 20)}"`)).toEqual([
    413,
    refused('The body is larger than 1 MiB.', 'Send it in several requests.'),
  ])
  expect(await refusal('/%zz')).toEqual([
    400,
    refused('The path has a % that no byte of UTF-8 follows.', 'Encode it: % is %25.'),
  ])
  expect(await refusal('/nowhere?a=b')).toEqual([404, refused('There is no GET /nowhere here.', null)])
})

test('/healthz names a loop that does not move, before and after the service has started', async () => {
  const liveness = createLiveness()
  const loop = liveness.loop('The relay', 1_000)
  const failing = await host({ liveness })
  loop.beat()
  liveness.passed(2_000)
  const failed = [503, { status: 'failed', service: 'pm', reason: 'The relay has not moved for 2 s.' }]
  expect(await ask(failing, '/healthz')).toEqual(failed)
  await failing.serve(service)
  expect(await ask(failing, '/healthz')).toEqual(failed)
  loop.beat()
  expect((await ask(failing, '/healthz'))[0]).toBe(200)
})

test('stopping closes the port and stops the service, also while clients keep their connections', async () => {
  let stopped = false
  const closing = await host()
  await closing.serve({
    ...service,
    async stop() {
      stopped = true
    },
  })
  await ask(closing, '/healthz')
  await closing.stop()
  open.length = 0
  expect(stopped).toBe(true)
  await expect(fetch(`${closing.url}/healthz`)).rejects.toThrow()
})

/** Bytes as they are; what comes back until the other side ends. */
async function raw({ url }: Host, bytes: string): Promise<string> {
  const { port, hostname } = new URL(url)
  const socket = connect(Number(port), hostname)
  socket.write(bytes)
  let text = ''
  socket.on('data', (some) => {
    text += some
  })
  await once(socket, 'close')
  return text
}

const answered = (status: number, message: RegExp) => ({
  status,
  error: {
    code: 'REQUEST_REFUSED',
    message: expect.stringMatching(message),
    todo: status === 421 ? expect.any(String) : null,
  },
})
const read = (text: string) => ({
  status: Number(/^HTTP\/1\.1 (\d+) /.exec(text)?.[1]),
  ...JSON.parse(text.slice(text.indexOf('{'), text.lastIndexOf('}') + 1)),
})

const HOST = 'Host: 127.0.0.1\r\nConnection: close\r\n'
test.each<[string, string, number, RegExp]>([
  ['no HTTP', '\x16\x03\x01\x02\r\n\r\n', 400, /not HTTP\/1\.1/],
  ['no Host', 'GET /v1/positions HTTP/1.1\r\nConnection: close\r\n\r\n', 421, /Host/],
  ['headers without end', `GET / HTTP/1.1\r\n${HOST}X: ${'x'.repeat(20_000)}\r\n\r\n`, 431, /16 KiB/],
  [
    'lengths that differ',
    `POST / HTTP/1.1\r\n${HOST}Content-Length: 1\r\nContent-Length: 2\r\n\r\n{}`,
    400,
    /not HTTP/,
  ],
  ['an expectation', `GET / HTTP/1.1\r\n${HOST}Expect: miracles\r\n\r\n`, 417, /miracles/],
])(
  'a request with %s is refused in one sentence, before and after the service has started',
  async (_, bytes, status, message) => {
    const starting = await host()
    expect(read(await raw(starting, bytes))).toEqual(answered(status, message))
    await starting.serve(service)
    expect(read(await raw(starting, bytes))).toEqual(answered(status, message))
  },
)

test('what is broken behind a whole request does not take its answer away', async () => {
  const running = await host()
  const routes: Service['routes'] = (app) =>
    app.get('/v1/positions', async () => {
      await sleep(50) // what follows has been seen by then
      return ['answered']
    })
  await running.serve({ ...service, routes })
  const text = await raw(running, `GET /v1/positions HTTP/1.1\r\n${HOST}\r\nGET / HTTP/1.1\r\n\r\n`)
  expect(text).toMatch(/^HTTP\/1\.1 200 .*\["answered"\]$/s)
})

test('a body that is nested too deep for whoever walks through it is refused before anybody does', async () => {
  const running = await host()
  const routes: Service['routes'] = (app) => app.post('/v1/positions', async ({ body }) => JSON.stringify(body))
  await running.serve({ ...service, routes })
  const post = async (depth: number) => {
    const body = `${'['.repeat(depth)}${']'.repeat(depth)}`
    const answer = await fetch(`${running.url}/v1/positions`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body,
    })
    return answer.status
  }
  expect([await post(60), await post(100), await post(100_000)]).toEqual([200, 400, 400])
})
