/** The document of the page's API and the page behind it: what the one says, the other does. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { OpenApiDocument } from '../../core/api/document.ts'
import { closedTrade } from '../support/closed-trade.ts'
import { type Documented, judgeAnswer, operationsOf, targetOf } from '../support/documented.ts'
import { type PageHost, startPageHost } from '../support/page-host.ts'

let page: PageHost
let document: OpenApiDocument
let ours: Documented[]
beforeAll(async () => {
  const levers = { curator: '0xdetweiler', chain: 'base' }
  page = await startPageHost(
    Array.from({ length: 8 }, (_, i) => closedTrade({ position_id: `documented-${i}`, rr: i - 2, levers })),
    ['lowcap-v5'],
  )
  document = (await (await fetch(`${page.url}/openapi.json`)).json()) as OpenApiDocument
  ours = operationsOf(document).filter(({ path }) => path.startsWith('/v1/'))
})
afterAll(async () => {
  await page?.stop()
})

/** Values of parameters that are asked for with each other, where the examples alone name nothing that is there. */
const QUERIES: Record<string, string> = {
  '/v1/explain': '?name=curator&key=0xdetweiler',
  '/v1/history': '?name=curator&key=0xdetweiler',
  '/v1/diff': '?from=2020-01-01T00:00Z',
  '/v1/models/preview': '?name=lowcap-v5',
}

test('every question is answered as the document says, or refused in its words', async () => {
  const reading = ours.filter(({ method }) => method === 'GET')
  expect(reading.length).toBeGreaterThan(12)
  for (const documented of reading) {
    const target = `${targetOf(documented)}${QUERIES[documented.path] ?? ''}`
    const [status, body] = await page.ask(target)
    expect([target, status]).toEqual([target, documented.path.includes('{') ? 404 : 200])
    expect([target, judgeAnswer(document, documented.operation, { status, body })]).toEqual([target, true])
  }
})

test('a parameter that there is not is refused, by name', async () => {
  for (const documented of ours.filter(({ method }) => method === 'GET')) {
    const [status, body] = await page.ask(`${targetOf(documented)}?colour=red`)
    expect([documented.path, status, body.error?.message]).toEqual([
      documented.path,
      400,
      'There is no parameter "colour".',
    ])
  }
})

test('what changes something is refused by a page that only reads, each in a sentence', async () => {
  const changing = ours.filter(({ path, method }) => method === 'POST' && /models|dead-letters/.test(path))
  expect(changing.length).toBeGreaterThanOrEqual(8)
  for (const documented of changing) {
    const examples = Object.values(documented.operation.requestBody?.content['application/json']?.examples ?? {}) as {
      value: Record<string, unknown>
    }[]
    const { dry_run, ...body } = examples[0]?.value ?? {}
    const [status, answer] = await page.ask(documented.path, body)
    expect([documented.path, status, answer.error?.code]).toEqual([
      documented.path,
      expect.toSatisfy((s) => s === 403 || s === 400),
      expect.stringMatching(/READ_ONLY|USAGE/),
    ])
    expect([documented.path, judgeAnswer(document, documented.operation, { status, body: answer })]).toEqual([
      documented.path,
      true,
    ])
  }
})

test('regression: a name with NUL in it is a bad request, not a failure of the server', async () => {
  for (const [path, body] of [
    ['/v1/models/rebuild', { model: 'a\0b' }],
    ['/v1/models/drop', { name: 'a\0b' }],
    ['/v1/models/promote', { name: 'lowcap-v4', topic: 'a\0b' }],
  ] as const)
    expect([path, (await page.ask(path, body))[0]]).toEqual([path, 400])
})

test('/docs has all of it', async () => {
  const html = await (await fetch(`${page.url}/docs`)).text()
  for (const { operation } of ours) expect(html).toContain(`id="${operation.operationId}"`)
  expect(html).not.toMatch(/<script|<link|<img|javascript:/i)
})
