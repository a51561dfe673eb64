/** The outbox goes into the log that its database knows, and into no other: with a real topic, which has an id. */
import { readFileSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { ensureLoopTopics } from '../../core/log/loop-topics.ts'
import { lastRecordOf } from '../../core/runner/last-record.ts'
import type { ServiceDeps } from '../../core/service.ts'
import { type Need, stackPorts } from '../../core/stack/layout.ts'
import { addToOutbox } from '../../core/store/outbox-store.ts'
import { startStack } from '../../embedded/stack.ts'
import { startPm } from '../../services/pm/index.ts'
import { createForeignOutbox } from '../../services/pm/sources/import-events.ts'
import { closedTrade } from '../support/closed-trade.ts'
import { type Stage, setStage } from '../support/staged.ts'
import { runCommand } from '../support/strandline.ts'

/** A log and a database of each test. */
let stage: Stage
let dir: string
beforeEach(async () => {
  stage = await setStage()
  dir = await mkdtemp(join(tmpdir(), 'strandline-known-log-'))
})
afterEach(async () => {
  await stage?.close()
  await rm(dir, { recursive: true, force: true })
})

const STRANGE = /is not the one that this database knows: its id is .+, and consumers have read the one with the id /

/** As a consumer notes it that has read the topic. */
const read = (id: string | null, topic = stage.deps.config.topic) =>
  stage.db.sql(
    `insert into consumer_checkpoints (consumer, topic, partition, topic_id) values ('learner', $1, 0, $2)`,
    [topic, id],
  )
const written = async () => (await stage.deps.log.offsets(stage.deps.config.topic)).reduce((n, o) => n + o.end, 0)
const inOutbox = () => stage.db.sql('select 1 from pm_outbox')

/** A file with this trade. */
async function fileOf(trade_id: string): Promise<string> {
  const file = join(dir, `${trade_id}.jsonl`)
  const { opened_at, closed_at, ...other } = closedTrade({ trade_id })
  const [opened, closed] = [opened_at, closed_at].map((ms) => new Date(ms).toISOString())
  await writeFile(file, `${JSON.stringify({ ...other, opened_at: opened, closed_at: closed })}\n`)
  return file
}

test('regression: with the brokers of another log nothing is published, and counts as published, where no consumer of the database reads it', async () => {
  const unpublished = () => stage.db.sql('select 1 from pm_outbox where published_at is null')
  await read('another-id')

  await addToOutbox(stage.deps.store, [closedTrade({ trade_id: 'one' })])
  const pm = await stage.start(startPm)
  await expect.poll(async () => (await pm.ready()).reason ?? '').toMatch(STRANGE)

  const { code, stderr } = await runCommand(['import', 'jsonl', await fileOf('two')], { env: stage.env })
  expect({ code, stderr }).toEqual({ code: 1, stderr: expect.stringMatching(STRANGE) })

  expect(await unpublished()).toHaveLength(2)
  expect(await written()).toBe(0)

  // What docs/operations.md says of a topic that was restored.
  await stage.db.sql('update consumer_checkpoints set topic_id = null, last_record = null')
  await stage.published()
  expect(await written()).toBe(2)
})

test('a topic that is lost while a PM runs is not made anew, and one that somebody makes in its place gets nothing', async () => {
  const { config, log, store } = stage.deps
  const pm = await stage.start(startPm)
  await addToOutbox(store, [closedTrade({ trade_id: 'one' })])
  await stage.published()
  await read((await log.topicId(config.topic)) as string)

  const admin = stage.kafka.client.admin()
  await admin.connect()
  await admin.deleteTopics({ topics: [config.topic] })
  await admin.disconnect()
  await addToOutbox(store, [closedTrade({ trade_id: 'two' })])
  const reason = async () => (await pm.ready()).reason ?? ''
  await expect.poll(reason).toMatch(/does not have the topic/)
  await ensureLoopTopics(log, config)
  await expect.poll(reason).toMatch(STRANGE)
  expect(await written()).toBe(0)
})

describe('regression: on a broker without ids', () => {
  /** Redpanda, and Kafka before 2.8. */
  const startWithoutIds = () =>
    stage.start((deps: ServiceDeps) => startPm({ ...deps, log: { ...deps.log, topicId: async () => null } }))
  const waitingReason = (pm: { ready(): Promise<{ reason?: string }> }) => async () => (await pm.ready()).reason ?? ''
  const applied = (partition: number, checkpoint: number, last: object | null = null) =>
    stage.db.sql(
      `insert into consumer_checkpoints (consumer, topic, partition, checkpoint, last_record) values ('learner', $1, $2, $3, $4)`,
      [stage.deps.config.topic, partition, checkpoint, last && JSON.stringify(last)],
    )

  test('a topic that consumers have read, and that is gone, is not made anew', async () => {
    const { topic } = stage.deps.config
    await applied(0, 2)
    await addToOutbox(stage.deps.store, [closedTrade({ trade_id: 'one' })])
    const admin = stage.kafka.client.admin()
    await admin.connect()
    await admin.deleteTopics({ topics: [topic] })
    await admin.disconnect()
    const pm = await startWithoutIds()
    await expect
      .poll(waitingReason(pm))
      .toMatch(/does not have the topic .+, though consumers of this database have read it/)
    await expect(stage.deps.log.offsets(topic)).rejects.toMatchObject({ code: 'LOG_TOPIC_MISSING' })
  })

  test('one that ends before what they have read gets nothing', async () => {
    await applied(1, 1)
    await addToOutbox(stage.deps.store, [closedTrade({ trade_id: 'one' })])
    const pm = await startWithoutIds()
    await expect
      .poll(waitingReason(pm))
      .toMatch(/is not the one .+: its partition 1 ends at offset 0, and learner has read it up to 1/)
    expect(await written()).toBe(0)
  })

  test('one that has another record where they stand gets nothing; the one that they have read does', async () => {
    const { log, store, config } = stage.deps
    await addToOutbox(store, [closedTrade({ trade_id: 'one' })])
    const before = await startWithoutIds()
    await stage.published()
    await stage.stop(before)
    const [place] = await stage.db.sql<{ partition: number }>('select partition from pm_outbox')
    const { partition } = place!
    const record = (await log.recordsAt(config.topic, new Map([[partition, 0]]))).get(partition)
    const last = lastRecordOf(record!)
    await applied(partition, 1, { ...last, digest: 'another' })
    await addToOutbox(store, [closedTrade({ trade_id: 'two' })])
    const pm = await startWithoutIds()
    await expect
      .poll(waitingReason(pm))
      .toMatch(/at offset 0 of partition \d it has another record than the one that learner has applied/)
    expect(await written()).toBe(1)

    await stage.db.sql('update consumer_checkpoints set last_record = $1', [JSON.stringify(last)])
    await stage.published()
    expect(await written()).toBe(2)
  })
})

describe('regression: a topic that consumers have read, and that is gone', () => {
  const isThere = () =>
    stage.deps.log.offsets(stage.deps.config.topic).then(
      () => true,
      () => false,
    )
  beforeEach(async () => {
    await read(null)
    await stage.db.sql('update consumer_checkpoints set checkpoint = 1')
    const admin = stage.kafka.client.admin()
    await admin.connect()
    await admin.deleteTopics({ topics: [stage.deps.config.topic] })
    await admin.disconnect()
  })

  test('is not made anew by what starts the services', async () => {
    const said: string[] = []
    const ports = stackPorts(17_300)
    const options = { dataDir: dir, ports, services: [], env: stage.env, purpose: 'a test', logger: stage.deps.logger }
    const needs: Need[] = ['kafka', 'registry', 'database']
    const stack = await startStack({ ...options, needs, say: (sentence) => said.push(sentence) })
    await stack.stop()
    expect(said).toContainEqual(expect.stringMatching(/does not have the topic .+ It is not made anew/))
    expect(await isThere()).toBe(false)
  })

  test('is made by a person, who hears that it is another one', async () => {
    const { code, stderr } = await runCommand(['topics'], { env: stage.env })
    expect({ code, stderr }).toEqual({
      code: 0,
      stderr: expect.stringMatching(/The new one is empty and is not the one/),
    })
    expect(await isThere()).toBe(true)
    expect((await runCommand(['topics'], { env: stage.env })).stderr).not.toMatch(/is empty/)
  })
})

describe('regression: what waits in the outbox of one topic is not published into another', () => {
  test('that no consumer has read, while they read this one', async () => {
    await read(null, 'another')
    await addToOutbox(stage.deps.store, [closedTrade({ trade_id: 'one' })])
    const pm = await stage.start(startPm)
    await expect.poll(async () => (await pm.ready()).reason ?? '').toMatch(/No consumer .+ they read another/)
    const { code, stderr } = await runCommand(['import', 'jsonl', await fileOf('two')], { env: stage.env })
    expect({ code, stderr }).toEqual({ code: 1, stderr: expect.stringMatching(/Correct STRANDLINE_TOPIC/) })
    // `connect`, whose own relay would publish nothing: a running PM would
    const connected = createForeignOutbox(stage.deps).add([closedTrade({ trade_id: 'three' })])
    await expect(connected).rejects.toMatchObject({ code: 'CONFIG_INVALID' })
    expect([await inOutbox(), await written()]).toMatchObject([{ length: 1 }, 0])

    await read(null) // a consumer of it is started
    await stage.published()
    expect(await written()).toBe(1)
  })

  test('where the others go, unless somebody says that it moves: then they go there no more', async () => {
    const pm = await stage.start(startPm)
    for (const topic of ['another', stage.deps.config.topic]) await read(null, topic)
    await addToOutbox(stage.deps.store, [closedTrade({ trade_id: 'one' })])
    await stage.published()
    // the PM, which began before anybody had read its topic, has asked again
    await expect
      .poll(() => stage.db.sql('select topic from outbox_topic'))
      .toEqual([{ topic: stage.deps.config.topic }])
    const ask = async (more: Record<string, string>) =>
      runCommand(['import', 'jsonl', await fileOf('two')], { env: { ...stage.env, ...more } })
    const there = { STRANDLINE_TOPIC: 'another' }
    const goes = new RegExp(`go into the topic ${stage.deps.config.topic}, not another`)
    expect(await ask(there)).toMatchObject({ code: 1, stderr: expect.stringMatching(goes) })
    expect(await inOutbox()).toHaveLength(1)
    expect(await pm.ready()).toEqual({ ok: true })

    expect(await ask({ ...there, STRANDLINE_LEAVE_TOPIC: stage.deps.config.topic })).toMatchObject({ code: 0 })
    await expect.poll(async () => (await pm.ready()).reason ?? '').toMatch(/go into the topic another, not /)
    await addToOutbox(stage.deps.store, [closedTrade({ trade_id: 'three' })])
    expect(await ask(there)).toMatchObject({ code: 0 }) // and publishes whatever waits
    await expect
      .poll(() => stage.db.sql('select distinct topic from pm_outbox order by topic'))
      .toEqual([{ topic: 'another' }, { topic: stage.deps.config.topic }])
    expect(await written()).toBe(1)

    await stage.db.sql(statementOfMoving().replace('pm.position-closed.v1', stage.deps.config.topic))
    expect(await ask(there)).toMatchObject({ code: 0 })
    await expect
      .poll(() => stage.db.sql(`select count(*)::integer as n, topic from pm_outbox group by topic`))
      .toEqual([{ n: 3, topic: 'another' }])
    expect((await stage.deps.log.offsets('another')).reduce((n, o) => n + o.end, 0)).toBe(3)
  })
})

/** What docs/operations.md says of the history of an outbox that has moved. */
function statementOfMoving(): string {
  const text = readFileSync(new URL('../../docs/operations.md', import.meta.url), 'utf8')
  const found = /To move to another topic:[\s\S]*?\n {8}(update .+;)\n/.exec(text)?.[1]
  if (!found) throw new Error('docs/operations.md has no such statement')
  return found
}

test('regression: where nobody has read a topic yet, it is asked again until somebody has', async () => {
  const pm = await stage.start(startPm)
  await addToOutbox(stage.deps.store, [closedTrade({ trade_id: 'one' })])
  await stage.published()
  await read(null) // a claim, which knows no id yet
  await addToOutbox(stage.deps.store, [closedTrade({ trade_id: 'two' })])
  await stage.published()
  await stage.db.sql(`update consumer_checkpoints set topic_id = 'another-id', checkpoint = 1`)
  await expect.poll(async () => (await pm.ready()).reason ?? '').toMatch(STRANGE)
  await addToOutbox(stage.deps.store, [closedTrade({ trade_id: 'three' })])
  await expect
    .poll(() => stage.db.sql('select last_error from pm_outbox where published_at is null'))
    .toEqual([{ last_error: expect.stringMatching(STRANGE) }])
  expect(await written()).toBe(2)
})
