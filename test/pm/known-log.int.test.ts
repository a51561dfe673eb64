/** The outbox goes into the log that its database knows, and into no other: with a real topic, which has an id. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { ensureLoopTopics } from '../../core/log/loop-topics.ts'
import { addToOutbox } from '../../core/store/outbox-store.ts'
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
  })
})

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
