/** A part of `./strandline fuzz`: bad HTTP requests to the real services, over real sockets. */
import { Registry } from 'prom-client'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Host, startHost } from '../../core/host.ts'
import { fuzzRequests } from '../../fuzz/http/run.ts'
import { startDecision } from '../../services/decision/index.ts'
import { pmRoutes } from '../../services/pm/routes.ts'
import { askEngine } from '../support/ask-engine.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { logger, testPortfolio } from '../support/pm.ts'

let db: TestDatabase
let pm: Host
let decision: Host
let registry: string
beforeAll(async () => {
  db = await createTestDatabase()
  registry = (await askEngine<{ registryUrl: string }>('kafka')).registryUrl
  const routes = (app: Parameters<typeof pmRoutes>[0]) => pmRoutes(app, testPortfolio(db))
  const ready = async () => ({ ok: true as const })
  const metrics = [new Registry(), new Registry()] as const
  pm = await startHost({
    service: { name: 'pm', ready, routes, stop: async () => {} },
    port: 0,
    metrics: metrics[0],
    logger,
  })
  // It uses nothing else of what services are given.
  const deps = { store: db.store, logger, metrics: metrics[1] } as unknown as Parameters<typeof startDecision>[0]
  decision = await startHost({ service: await startDecision(deps), port: 0, metrics: metrics[1], logger })
})
afterAll(async () => {
  await pm?.stop()
  await decision?.stop()
  await db?.stop()
})

test('bad requests are answered with what is wrong with them, and change nothing', async () => {
  const { answers, failures } = await fuzzRequests(
    {
      urls: { pm: pm.url, decision: decision.url, registry, supabase: db.supabaseUrl },
      key: db.key,
      databaseUrl: db.databaseUrl,
    },
    { seed: Number(process.env.FUZZ_SEED ?? 1), count: Number(process.env.FUZZ_COUNT ?? 1_000) },
  )
  expect(failures).toEqual([])
  for (const target of ['pm', 'decision', 'registry', 'supabase'])
    for (const kind of ['2xx', '4xx']) expect(answers[`${target} ${kind}`] ?? 0, `${target} ${kind}`).toBeGreaterThan(5)
})
