import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, describe, expect, test } from 'vitest'
import { explain } from '../../core/errors.ts'
import { botUrl, createFreqtradeApi } from './api.ts'

const dir = mkdtempSync(join(tmpdir(), 'strandline-freqtrade-api-'))
afterAll(() => rmSync(dir, { recursive: true }))
const passwordFile = join(dir, 'password.txt')
writeFileSync(passwordFile, 'sécret\n')

let close: (() => void) | undefined
afterEach(() => close?.())

async function serve(answer: (request: IncomingMessage, response: ServerResponse) => void): Promise<string> {
  const server = createServer(answer).listen(0, '127.0.0.1')
  await new Promise((resolve) => server.once('listening', resolve))
  close = () => server.close()
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}
const json = (body: unknown) => (_: IncomingMessage, response: ServerResponse) => {
  response.setHeader('content-type', 'application/json')
  response.end(JSON.stringify(body))
}
const api = (url: string, change: object = {}) =>
  createFreqtradeApi({ url, username: 'me', passwordFile, ...change }, new AbortController().signal)
const sentence = (work: Promise<unknown>) => work.then(() => 'no error', explain)

test('asks with name and password, the file’s last line break left out, and reads name and pages', async () => {
  const asked: [string | undefined, string | undefined][] = []
  const url = await serve((request, response) => {
    asked.push([request.url, request.headers.authorization])
    json(
      request.url?.includes('show_config')
        ? { bot_name: 'alpha', dry_run: true, timeframe: '5m' }
        : { trades: [{ trade_id: 1 }], total_trades: 12, access_token: 'a b' },
    )(request, response)
  })
  expect(await api(url).bot()).toEqual({ name: 'alpha', dry_run: true, timeframe: '5m' })
  expect(await api(url).closedTrades({ limit: 5, offset: 10, newestFirst: true })).toEqual({
    trades: [{ trade_id: 1 }],
    total: 12,
  })
  expect(await api(url).messagesUrl()).toBe(`${url.replace('http', 'ws')}/api/v1/message/ws?token=a%20b`)
  expect(asked[0]).toEqual(['/api/v1/show_config', `Basic ${Buffer.from('me:sécret').toString('base64')}`])
  expect(asked[1]?.[0]).toBe('/api/v1/trades?limit=5&offset=10&order_by_id=false')
})

test('a ws_token of a file goes before that of the login', async () => {
  const wsTokenFile = join(dir, 'ws.txt')
  writeFileSync(wsTokenFile, 'own')
  expect(await api('http://127.0.0.1:1', { wsTokenFile }).messagesUrl()).toBe(
    'ws://127.0.0.1:1/api/v1/message/ws?token=own',
  )
})

describe('what goes wrong is one sentence each', () => {
  test('a wrong password', async () => {
    const url = await serve((_, response) => response.writeHead(401).end('{"detail":"Unauthorized"}'))
    expect(await sentence(api(url).bot())).toBe(
      `The Freqtrade at ${url} refuses the user me with the password in ${passwordFile} (HTTP 401). Give username and password of its api_server.`,
    )
  })

  test('a bot that is down', async () => {
    expect(await sentence(api('http://127.0.0.1:1').bot())).toMatch(
      /^The Freqtrade at http:\/\/127\.0\.0\.1:1 cannot be reached: .+\. Start it, with its api_server enabled, or correct the URL\.$/,
    )
  })

  test('something else that answers there', async () => {
    const wrong =
      /^What answers at http:\S+ is not the REST API of a Freqtrade\. Give the URL of its api_server, e\.g\. http:\/\/127\.0\.0\.1:8080\.$/
    for (const answer of [json({ status: 'ok' }), json([1]), (_: unknown, r: ServerResponse) => r.end('<html>')]) {
      const url = await serve(answer)
      expect(await sentence(api(url).bot())).toMatch(wrong)
      expect(await sentence(api(url).closedTrades({ limit: 1, offset: 0, newestFirst: false }))).toMatch(wrong)
      close?.()
    }
  })

  test('a bot that is in trouble', async () => {
    const url = await serve((_, response) => response.writeHead(502).end('{}'))
    expect(await sentence(api(url).bot())).toBe(`The Freqtrade at ${url} answers with HTTP 502. See its log.`)
  })

  test('a password file that is gone', async () => {
    const file = join(dir, 'none.txt')
    expect(await sentence(api('http://127.0.0.1:1', { passwordFile: file }).bot())).toBe(
      `${file} cannot be read: there is no such file. Give the path of a file that holds nothing but the secret.`,
    )
  })
})

test('URLs are taken as people copy them, and what is none is named by its flag', () => {
  for (const text of ['http://127.0.0.1:8080', 'http://127.0.0.1:8080/', 'http://127.0.0.1:8080/api/v1/'])
    expect(botUrl(text, '--url')).toBe('http://127.0.0.1:8080')
  expect(botUrl('https://bots.example/one/', '--url')).toBe('https://bots.example/one')
  for (const text of ['127.0.0.1:8080', 'ws://127.0.0.1:8080', 'http://me:pw@127.0.0.1:8080', ''])
    expect(() => botUrl(text, '--url')).toThrow('--url is not the URL of a Freqtrade.')
})
