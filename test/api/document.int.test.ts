/** The OpenAPI documents and the services behind them: what the one says, the other does. */
import type { FastifyInstance } from 'fastify'
import { Registry } from 'prom-client'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { DocumentedOperation, OpenApiDocument } from '../../core/api/document.ts'
import { createAjv } from '../../core/api/validator.ts'
import { type Host, startHost } from '../../core/host.ts'
import type { Service } from '../../core/service.ts'
import { startDecision } from '../../services/decision/index.ts'
import { pmRoutes } from '../../services/pm/routes.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { type Documented, judgeAnswer, operationsOf, targetOf } from '../support/documented.ts'
import { logger, testPortfolio } from '../support/pm.ts'

const NAMES = ['pm', 'decision'] as const
type Name = (typeof NAMES)[number]

let db: TestDatabase
const hosts = {} as Record<Name, Host>
const apps = {} as Record<Name, FastifyInstance>
const documents = {} as Record<Name, OpenApiDocument>
beforeAll(async () => {
  db = await createTestDatabase()
  for (const name of NAMES) {
    const metrics = new Registry()
    const service = await start(name, metrics)
    const { routes } = service
    // the app of the host, to be asked what it has
    service.routes = (app) => {
      apps[name] = app
      routes?.(app)
    }
    hosts[name] = await startHost({ service, port: 0, metrics, logger })
    documents[name] = (await (await fetch(`${hosts[name].url}/openapi.json`)).json()) as OpenApiDocument
  }
})
afterAll(async () => {
  for (const name of NAMES) await hosts[name]?.stop()
  await db?.stop()
})

async function start(name: Name, metrics: Registry): Promise<Service> {
  if (name === 'decision') return startDecision({ store: db.store, logger, metrics } as never) // it uses nothing else
  const pm = testPortfolio(db)
  return { name, ready: async () => ({ ok: true }), routes: (app) => pmRoutes(app, pm), stop: async () => {} }
}

const examplesOf = ({ requestBody }: DocumentedOperation) =>
  Object.entries(
    (requestBody?.content['application/json']?.examples ?? {}) as Record<string, { summary: string; value: object }>,
  )

async function ask(name: Name, method: string, target: string, body?: unknown) {
  const answer = await fetch(`${hosts[name].url}${target}`, {
    method,
    ...(body === undefined ? {} : { headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) }),
  })
  return { status: answer.status, body: (await answer.json()) as Record<string, unknown> }
}

const judged = (name: Name, { operation }: Documented, answer: { status: number; body: unknown }) =>
  judgeAnswer(documents[name], operation, answer)

describe.each(NAMES)('%s', (name) => {
  test('every route is in the document, and what is in the document is served', () => {
    const served = apps[name]
      .printRoutes({ commonPrefix: false })
      .split('\n')
      .flatMap((line) => {
        const [, path, methods] = /[├└]── (\S+) \(([A-Z, ]+)\)/.exec(line) ?? []
        return (methods ?? '').split(', ').map((method) => `${method} ${path}`)
      })
      .filter((route) => !/^(HEAD| undefined)/.test(route) && route !== ' undefined')
    const said = operationsOf(documents[name]).map(
      ({ method, path }) => `${method} ${path.replace(/\{(\w+)\}/g, ':$1')}`,
    )
    for (const route of said) {
      const [method, url] = route.split(' ') as ['GET', string]
      expect([route, apps[name].hasRoute({ method, url })]).toEqual([route, true])
    }
    expect(served.length).toBe(said.length)
  })

  test('it is OpenAPI 3.1 whose schemas are JSON Schema, and every operation has a name of its own', () => {
    const document = documents[name]
    expect(document.openapi).toMatch(/^3\.1\./)
    const ids = operationsOf(documents[name]).map(({ operation }) => operation.operationId)
    expect(new Set(ids).size).toBe(ids.length)
    for (const { operation } of operationsOf(documents[name])) {
      const schemas = [
        ...Object.values(operation.requestBody?.content ?? {}),
        ...Object.values(operation.responses).flatMap((r) => Object.values(r.content)),
      ].flatMap(({ schema }) => (schema && !('$ref' in schema) ? [schema] : []))
      for (const schema of schemas) createAjv().compile(schema)
    }
  })

  test('every example is accepted as it is, and its answers are what the document says', async () => {
    for (const documented of operationsOf(documents[name])) {
      for (const [example, { value }] of examplesOf(documented.operation)) {
        const answer = await ask(name, documented.method, targetOf(documented), value)
        expect([example, answer.status, answer.body]).toEqual([example, expect.toSatisfy((s) => s < 300), answer.body])
        expect([example, judged(name, documented, answer)]).toEqual([example, true])
        const again = await ask(name, documented.method, targetOf(documented), value)
        expect([example, again.status, judged(name, documented, again)]).toEqual([example, 200, true])
      }
    }
    for (const documented of operationsOf(documents[name]).filter(
      (o) => o.method === 'GET' && o.path.startsWith('/v1/'),
    )) {
      const answer = await ask(name, 'GET', targetOf(documented))
      expect([documented.path, answer.status, judged(name, documented, answer)]).toEqual([documented.path, 200, true])
    }
  })

  test('a field that there is not, a missing one and nonsense are refused everywhere, in one shape, by name', async () => {
    for (const documented of operationsOf(documents[name])) {
      const [first] = examplesOf(documented.operation)
      if (!first) continue
      const [, { value }] = first
      const schema = documented.operation.requestBody!.content['application/json']!.schema
      const required = (schema.required ?? []) as string[]
      const bad: [string, unknown][] = [
        ['colour', { ...value, colour: 'red' }],
        ['colour', { ...value, colour: null }],
        ...required.map((field): [string, unknown] => [field, { ...value, [field]: undefined }]),
        ...Object.keys(value).map((field): [string, unknown] => [field, { ...value, [field]: [[]] }]),
        ['JSON object', [value]],
        ['JSON object', null],
        ['JSON object', 'text'],
      ]
      for (const [named, body] of bad) {
        const answer = await ask(name, documented.method, targetOf(documented), body)
        const { code, message, todo } = (answer.body as { error: Record<string, string> }).error
        expect([documented.path, named, answer.status, judged(name, documented, answer)]).toEqual([
          documented.path,
          named,
          expect.toSatisfy((status) => status === 400 || status === 422),
          true,
        ])
        expect(code).not.toBe('INTERNAL')
        expect(message!.toLowerCase().replaceAll('_', ' ')).toContain(named.toLowerCase().replaceAll('_', ' '))
        expect(todo).toEqual(expect.any(String))
      }
    }
  })

  test('a parameter that there is not is refused', async () => {
    for (const documented of operationsOf(documents[name]).filter((o) => o.path.startsWith('/v1/'))) {
      const [first] = examplesOf(documented.operation)
      const answer = await ask(name, documented.method, `${targetOf(documented)}?colour=red`, first?.[1].value)
      expect([documented.path, answer.status, answer.body]).toMatchObject([
        documented.path,
        expect.toSatisfy((status) => status === 400 || status === 422),
        { error: { message: 'There is no parameter "colour".' } },
      ])
    }
  })

  test('/docs is one page that says the same, and that fetches and runs nothing', async () => {
    const answer = await fetch(`${hosts[name].url}/docs`)
    const html = await answer.text()
    expect(answer.headers.get('content-type')).toBe('text/html; charset=utf-8')
    const policy = answer.headers.get('content-security-policy')!
    expect(policy).toMatch(/^default-src 'none'; style-src 'sha256-[\w+/=]+'; /)
    expect(policy).not.toMatch(/unsafe|\*|http/)
    expect(html).not.toMatch(/<script|<link|<img|<iframe|javascript:| on\w+=|(src|href)="(https?:)?\/\//i)
    for (const { path, operation } of operationsOf(documents[name])) {
      expect(html).toContain(path)
      expect(html).toContain(`id="${operation.operationId}"`)
    }
    expect(html.length).toBeLessThan(200_000)
  })
})
