/** What a person reads in Redpanda Console: events with their fields, one position's events, the learner's lag; and a schema that is refused. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { positionClosedSchema } from '../../core/codec/position-closed-codec.ts'
import { createLagStore } from '../../core/lag/lag-store.ts'
import { readLag } from '../../core/lag/read-lag.ts'
import { type ConsoleStage, GROUP, openConsoleStage } from '../support/console-stage.ts'

let stage: ConsoleStage
beforeAll(async () => {
  stage = await openConsoleStage()
  await stage.publish(...Array.from({ length: 12 }, (_, i) => ({ position_id: `p-${i}`, rr: i / 4 })))
  await stage.start()
  await stage.caughtUp()
})
afterAll(() => stage?.close())

test('an event is shown with every field, its headers and its key', async () => {
  const { messages } = stage.console
  const all = await messages(stage.topic)
  expect(all).toHaveLength(12)
  const message = all.find((m) => m.key === 'p-5')
  expect(message?.value).toMatchObject({
    position_id: 'p-5',
    symbol: 'PEPE',
    rr: 1.25,
    closed_at: Date.UTC(2026, 0, 2, 12),
    levers: { curator: '0xdetweiler', mcap_bucket: '1m-2m' },
    measures: { vol_at_entry: 120000 },
    unscored_reason: null,
  })
  expect(Object.keys(message!.value!)).toHaveLength(JSON.parse(positionClosedSchema).fields.length)
  expect(message!.headers).toMatchObject({ ce_specversion: '1.0', ce_id: `${message!.value!.event_id}/0` })
})

test('a search by key finds the events of one position, corrections included, in one partition', async () => {
  await stage.publish({ position_id: 'p-5', revision: 1, rr: 2 }, { position_id: 'p-5', trade_id: 't-2' })
  const found = await stage.console.messages(stage.topic, (m) => m.key === 'p-5')
  expect(found.map((m) => [m.value!.trade_id, m.value!.revision])).toEqual([
    ['t-1', 0],
    ['t-1', 1],
    ['t-2', 0],
  ])
  expect(new Set(found.map((m) => m.partition)).size).toBe(1)
  await stage.caughtUp()
})

test('the lag that the group page shows is the distance of the database to the end, and what `strandline lag` says', async () => {
  const { group } = stage.console
  const asked = async () => (await group(GROUP)).lag(stage.topic)
  await expect.poll(async () => (await asked()).map((p) => p.lag)).toEqual([0, 0, 0])
  expect(await group(GROUP)).toMatchObject({ state: 'Stable', members: ['strandline'] })

  await stage.stop()
  await stage.publish(...Array.from({ length: 7 }, (_, i) => ({ position_id: `late-${i}` })))
  const positions = await stage.checkpoints()
  const shown = await asked()
  expect(shown.map((p) => p.lag).reduce((a, b) => a + b)).toBe(7)
  expect(shown.map((p) => [p.partition, p.groupOffset, p.lag])).toEqual(
    shown.map((p) => [p.partition, positions.get(p.partition), p.end - positions.get(p.partition)!]),
  )
  expect((await group(GROUP)).state).toBe('Empty')
  const [ours] = (await readLag({ ...stage.deps, lag: createLagStore(stage.deps.store) }, stage.topic)).groups
  expect(ours).toMatchObject({ group: GROUP, state: 'Empty', lag_records: 7 })
  expect(ours!.partitions.map((p) => [p.partition, p.committed, p.log_end, p.lag_records])).toEqual(
    shown.map((p) => [p.partition, p.groupOffset, p.end, p.lag]),
  )
  await stage.start()
  await stage.caughtUp()
  await expect.poll(async () => (await asked()).map((p) => p.lag)).toEqual([0, 0, 0])
})

test('a schema that would break readers is refused, with the reason, when validated and when created', async () => {
  const { validate, createSchema, registry } = stage.console
  const subject = `${stage.topic}-value`
  const changed = (change: (fields: { name: string }[]) => object[]) => {
    const schema = JSON.parse(positionClosedSchema)
    return JSON.stringify({ ...schema, fields: change(schema.fields) })
  }
  const breaking = {
    'closed_at removed': changed((fields) => fields.filter((f) => f.name !== 'closed_at')),
    'rr as text': changed((fields) => fields.map((f) => (f.name === 'rr' ? { name: 'rr', type: 'string' } : f))),
    'a field without default': changed((fields) => [...fields, { name: 'venue', type: 'string' }]),
  }
  for (const schema of Object.values(breaking)) {
    expect(await validate(subject, schema)).toEqual({
      status: 200,
      body: { is_compatible: false, messages: expect.arrayContaining([expect.stringContaining('version 1')]) },
    })
    expect(await createSchema(subject, schema)).toEqual({
      status: 409,
      body: { error_code: 409, message: expect.stringContaining('incompatible with an earlier schema') },
    })
  }
  expect((await registry('GET', `/subjects/${subject}/versions`)).body).toEqual([1])
  expect((await registry('GET', `/config/${subject}`)).body).toEqual({ compatibilityLevel: 'FULL_TRANSITIVE' })

  const harmless = changed((fields) => [...fields, { name: 'venue', type: 'string', default: '' }])
  expect((await validate(subject, harmless)).body).toEqual({ is_compatible: true, messages: [] })
})
