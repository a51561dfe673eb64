/** What answers in the registry's place decides nothing: only the registry's own word, again and again, makes a schema unknown. */
import { once } from 'node:events'
import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { pino } from 'pino'
import { Registry } from 'prom-client'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { systemClock } from '../../core/clock.ts'
import { createCodec, frame, positionClosedType } from '../../core/codec/position-closed-codec.ts'
import { loadModel } from '../../core/load-model.ts'
import { startProjector } from '../../services/projector/index.ts'
import { closedTrade } from '../support/closed-trade.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { createTestKafka, type TestKafka } from '../support/kafka.ts'
import { createStage, deadLettersOf } from '../support/kafka-learner.ts'
import { emptyLearner, expectClose, folded, learned } from '../support/learned.ts'
import { until } from '../support/pm.ts'

const model = loadModel('lowcap-v4')
let db: TestDatabase
let kafka: TestKafka
beforeAll(async () => {
  ;[db, kafka] = await Promise.all([createTestDatabase(), createTestKafka()])
})
afterAll(async () => {
  await kafka.close()
  await db.drop()
})
beforeEach(() => emptyLearner(db))
/** Also after a failure: what goes on running would take the next test's partitions. */
const running: { stop(): Promise<void> }[] = []
afterEach(async () => {
  await Promise.all(running.splice(0).map((service) => service.stop()))
})
/** Two consumers that join their groups and wait, on a machine that is busy with other things. */

/** An ingress before the real registry: `instead` answers in its place while it is set. */
async function openIngress() {
  const ingress = { url: '', instead: null as null | ((response: ServerResponse) => void), asked: 0, close: () => {} }
  const server = createServer(async (request, response) => {
    ingress.asked++
    if (ingress.instead) return ingress.instead(response)
    const answer = await fetch(kafka.registryUrl + request.url, { headers: { accept: 'application/json' } })
    response.writeHead(answer.status, { 'content-type': 'application/json' }).end(await answer.text())
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  ingress.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  ingress.close = () => {
    server.close()
    server.closeAllConnections()
  }
  return ingress
}

const trades = (n: number) =>
  Array.from({ length: n }, (_, i) => closedTrade({ position_id: `r${i}`, rr: (i % 7) - 3 }))

describe('regression: a 404 on the way to the registry', () => {
  it.each<[string, (response: ServerResponse) => void, RegExp]>([
    [
      'from an ingress',
      (r) => r.writeHead(404).end('<html>404 Not Found</html>'),
      /schema registry at .* answered 404/,
    ],
    [
      'from a follower that lags behind',
      (r) => r.writeHead(404).end('{"error_code":40403,"message":"Schema not found"}'),
      /does not know schema \d+, since/,
    ],
    [
      'for one from the registry of another system, which has something else under the id',
      (r) => r.writeHead(200).end(JSON.stringify({ schema: '{"type":"record","name":"Order","fields":[]}' })),
      /has schema \d+ of something else, since/,
    ],
  ])('%s refuses no trade: all wait, readiness says why, and all are learned and shown', async (_, instead, reason) => {
    const stage = await createStage(db, kafka)
    const ingress = await openIngress()
    const registry = { url: ingress.url }
    const all = trades(200)
    await stage.publish(all)
    ingress.instead = instead

    const learner = await stage.start({ config: { registry } })
    const projector = await startProjector({
      config: { ...stage.config, registry },
      log: kafka.log,
      store: db.store,
      codec: createCodec({ ...stage.config, registry }),
      clock: systemClock,
      logger: pino({ level: 'silent' }),
      metrics: new Registry(),
    })
    running.push(learner, projector)
    for (const service of [learner, projector])
      await until(
        () => service.ready(),
        ({ reason: said }) => reason.test(said ?? ''),
      )
    await until(
      async () => ingress.asked,
      (n) => n >= 6,
    )
    expect(await db.sql('select reason from dead_letters')).toEqual([])
    expect(await db.sql('select checkpoint from consumer_checkpoints where checkpoint is not null')).toEqual([])

    ingress.instead = null
    await stage.caughtUp()
    await until(
      () => db.sql<{ n: number }>(`select count(*)::int as n from ad_strands where kind = 'position_closed'`),
      ([row]) => row?.n === all.length,
    )
    await Promise.all(running.splice(0).map((service) => service.stop()))
    ingress.close()
    expectClose(await learned(db), await folded(model, [all]))
    await db.sql('truncate ad_strands')
  })
})

describe('schema ids that were never registered', () => {
  it('in great numbers wait together, once, and the trades between them count', async () => {
    const stage = await createStage(db, kafka)
    const all = trades(300)
    const body = positionClosedType.toBuffer(closedTrade())
    const garbage = all.map((_, i) => ({ key: 'k', value: frame(500_000 + i, body) }))
    const good = await stage.records(all)
    await kafka.log.produce(
      stage.topic,
      good.flatMap((record, i) => [garbage[i] as (typeof garbage)[number], record]),
    )
    const registry = { ...stage.config.registry, unknownAfterMs: 2_000 }
    const started = Date.now()
    const learner = await stage.start({ config: { registry } })
    running.push(learner)
    await stage.caughtUp()
    const took = Date.now() - started
    await Promise.all(running.splice(0).map((service) => service.stop()))
    expectClose(await learned(db), await folded(model, [all]))
    const dead = await deadLettersOf(stage, kafka)
    expect(dead.map((d) => d.headers['strandline.reason'])).toEqual(garbage.map(() => 'unknown_schema'))
    // one after the other they would take ten minutes, which nobody waits for here
    expect(took).toBeGreaterThan(2_000)
  })
})
