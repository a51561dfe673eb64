/** What waits is not lost: each number of the audit, on a real log and a real database. */
import { readFile } from 'node:fs/promises'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { addToOutbox } from '../../core/store/outbox-store.ts'
import type { PositionClosed } from '../../domain/event.ts'
import { audit } from '../../services/audit/audit.ts'
import { untilNothingWaits } from '../../services/audit/wait.ts'
import { listDeadLetters } from '../../services/learner/dead-letter-list.ts'
import { createDeadLetterStore } from '../../services/learner/dead-letter-store.ts'
import { discardLetters } from '../../services/learner/discard.ts'
import { startLearner } from '../../services/learner/index.ts'
import { startPm } from '../../services/pm/index.ts'
import { startProjector } from '../../services/projector/index.ts'
import { closedTrade } from '../support/closed-trade.ts'
import { type Stage, setStage } from '../support/staged.ts'
import { runCommand } from '../support/strandline.ts'

let stage: Stage
beforeEach(async () => {
  stage = await setStage()
})
afterEach(() => stage?.close())

const TRADES = 12
const trade = (i: number, changes: Partial<PositionClosed> = {}) =>
  closedTrade({
    position_id: `p-${i}`,
    rr: (i % 5) - 1,
    levers: { curator: `c-${i % 3}`, chain: 'base' },
    closed_at: Date.UTC(2026, 0, 2) + i * 3_600_000,
    ...changes,
  })
const trades = (from = 0, to = TRADES, changes: Partial<PositionClosed> = {}) =>
  Array.from({ length: to - from }, (_, i) => trade(from + i, changes))
const close = (events: PositionClosed[]) => addToOutbox(stage.deps.store, events)
const ALL_THERE = {
  closed: TRADES,
  waiting_outbox: 0,
  in_log: TRADES,
  behind: 0,
  refused: {},
  discarded: {},
  not_for_model: 0,
  in_ledger: TRADES,
  in_ad_strands: TRADES,
  lost: 0,
  double: 0,
  wrong: 0,
  reconciles: true,
}

async function wholeLoop(events = trades()): Promise<void> {
  await close(events)
  for (const service of [startPm, startLearner, startProjector]) await stage.start(service)
  await stage.published()
  await stage.applied('learner')
  await stage.applied('projector')
}

/** The command, as a person runs it. */
const command = (...args: string[]) => runCommand(['audit', ...args], { env: stage.env })

describe('regression: what waits is not lost', () => {
  test('nobody publishes: all of it waits in the outbox, and a whole loop afterwards has each trade', async () => {
    await close(trades())
    expect(await audit(stage.deps)).toMatchObject({
      ...ALL_THERE,
      waiting_outbox: TRADES,
      in_log: 0,
      in_ledger: 0,
      in_ad_strands: 0,
    })
    const { code, stdout } = await command('--json')
    expect(code).toBe(3)
    expect(Object.keys(JSON.parse(stdout)).slice(0, 13)).toEqual(Object.keys(ALL_THERE))
    await wholeLoop([])
    expect(await audit(stage.deps)).toMatchObject(ALL_THERE)
    expect((await command()).code).toBe(0)
  })

  test('learner and projector never ran: all of it is behind', async () => {
    await close(trades())
    await stage.start(startPm)
    await stage.published()
    expect(await audit(stage.deps)).toMatchObject({ ...ALL_THERE, behind: TRADES, in_ledger: 0, in_ad_strands: 0 })
    expect((await command()).code).toBe(3)
  })

  test('the projector never ran: the ledger has them, and they are behind', async () => {
    await close(trades())
    await stage.start(startPm)
    await stage.start(startLearner)
    await stage.published()
    await stage.applied('learner')
    expect(await audit(stage.deps)).toMatchObject({ ...ALL_THERE, behind: TRADES, in_ad_strands: 0 })
  })

  test('the learner is behind: its coefficients are those of what it has applied, and so not wrong', async () => {
    await close(trades())
    await stage.start(startPm)
    const learner = await stage.start(startLearner)
    await stage.start(startProjector)
    await stage.published()
    await stage.applied('learner')
    await stage.stop(learner)
    await close(trades(TRADES, 20))
    await close([trade(0, { revision: 1, rr: 4 })])
    await stage.published()
    await stage.applied('projector')
    const report = await audit(stage.deps)
    expect(report).toMatchObject({ ...ALL_THERE, closed: 20, in_log: 20, behind: 9, in_ad_strands: 20 })
    expect(report.recomputed.coefficients).toBeGreaterThan(0)
    const { code, stdout } = await command()
    expect(code).toBe(3)
    expect(stdout).toMatch(/^behind +9 .*\n/m)
    expect(stdout).toMatch(/reconciles so far: .* 9 in the log still to come/)
  })

  test('trades that the active model does not learn from are counted apart', async () => {
    await wholeLoop([...trades(), ...trades(100, 105, { source: 'import:freqtrade' })])
    expect(await audit(stage.deps)).toMatchObject({
      ...ALL_THERE,
      closed: TRADES + 5,
      in_log: TRADES + 5,
      not_for_model: 5,
      in_ad_strands: TRADES + 5,
    })
  })

  test('what the learner refused is counted by the reason that it recorded', async () => {
    await close([...trades(), trade(50, { rr: 99 }), trade(51, { revision: -1 })])
    await stage.start(startPm)
    await stage.published()
    await stage.deps.log.produce(stage.deps.config.topic, [{ key: 'x', value: Buffer.from('{"no": "event"}') }])
    expect(await audit(stage.deps)).toMatchObject({ refused: {}, behind: TRADES + 3, lost: 0 })
    await stage.start(startLearner)
    await stage.start(startProjector)
    await stage.applied('learner')
    await stage.applied('projector')
    expect(await audit(stage.deps)).toMatchObject({
      ...ALL_THERE,
      closed: TRADES + 2,
      in_log: TRADES + 2,
      refused: { bad_magic: 1, revision_invalid: 1, rr_out_of_range: 1 },
      not_applicable: 3,
    })
    expect((await command()).code).toBe(0)

    // what an operator settles without applying it is counted apart: neither lost nor applied
    const store = createDeadLetterStore(stage.deps.store)
    const letters = await listDeadLetters(store, stage.deps.config.topic)
    const settled = letters.filter((l) => l.reason !== 'revision_invalid')
    expect(await discardLetters(store, stage.deps.config.topic, settled, 'ann', 'why')).toHaveLength(2)
    expect(await audit(stage.deps)).toMatchObject({
      ...ALL_THERE,
      closed: TRADES + 2,
      in_log: TRADES + 2,
      refused: { revision_invalid: 1 },
      discarded: { bad_magic: 1, rr_out_of_range: 1 },
    })
    const { code, stdout } = await command()
    expect(code).toBe(0)
    expect(stdout).toMatch(/^discarded +2 {2}bad_magic 1, rr_out_of_range 1$/m)

    // published anew, corrected, it is a trade like every other: applied, and missed where it is gone
    await close([trade(50, { revision: 1, rr: 3 })])
    await stage.published()
    await stage.applied('learner')
    await stage.applied('projector')
    const anew = await audit(stage.deps)
    expect(anew).toMatchObject({ in_ledger: TRADES + 1, discarded: { bad_magic: 1 }, lost: 0, reconciles: true })
    await stage.db.sql('delete from learner_ledger where event_id = $1', [trade(50).event_id])
    expect(await audit(stage.deps)).toMatchObject({ lost: 1, lost_ids: [trade(50).event_id] })
  })

  test('regression: letters whose records are applied once the learning state was thrown away are settled, by the statements of docs/operations.md', async () => {
    await wholeLoop()
    await stage.stop()
    const read = await stage.db.sql<{ partition: number }>(
      `insert into dead_letters (consumer, topic, partition, "offset", reason, topic_id, record_ms, discarded_at)
       select consumer, topic, partition, 0, 'unknown_schema', topic_id, 1, case when partition > 0 then now() end
       from consumer_checkpoints where consumer like 'learner/%' and checkpoint > 0 returning partition`,
    )
    expect(read.length).toBeGreaterThan(1)
    // the projector has passed over them as well
    await stage.db.sql(
      `with passed as (delete from strandline.strands where event_id = (select min(event_id) from strandline.strands) returning strand_id)
       delete from ad_strands where id in (select strand_id from passed)`,
    )
    const text = await readFile(new URL('../../docs/operations.md', import.meta.url), 'utf8')
    const [, statements] = /Only the learning state is damaged[\s\S]*?((?: {4}.*;\n)+)/.exec(text) as RegExpExecArray
    await stage.db.sql(statements as string)
    for (const start of [startLearner, startProjector]) await stage.start(start)
    for (const service of ['learner', 'projector'] as const) await stage.applied(service)
    expect(await audit(stage.deps)).toMatchObject(ALL_THERE)
    expect(await stage.db.sql('select 1 from dead_letters where applied_at is null')).toEqual([])
  })

  test('a closed trade whose record is not readable is in the log, and refused', async () => {
    await wholeLoop()
    const [place] = await stage.deps.log.produce(stage.deps.config.topic, [{ key: 'p-77', value: Buffer.from('x') }])
    await close([trade(77)])
    await stage.published()
    await stage.applied('learner')
    await stage.applied('projector')
    // what the outbox says of where it went is what there is to know of a record that cannot be read
    await stage.db.sql('update pm_outbox set partition = $1, "offset" = $2 where event_id = $3', [
      place?.partition,
      place?.offset,
      trade(77).event_id,
    ])
    expect(await audit(stage.deps)).toMatchObject({
      closed: TRADES + 1,
      in_log: TRADES + 1,
      refused: { bad_magic: 1 },
      lost: 0,
    })
  })
})

describe('what is amiss is said', () => {
  test('marked as published, at places that the log does not have: lost', async () => {
    await wholeLoop()
    await stage.stop()
    await close([trade(60), trade(61)])
    await stage.db.sql(
      `update pm_outbox set published_at = now(), topic = $1, partition = case event_id when $2 then 0 else 7 end, "offset" = 900000 where event_id in ($2, $3)`,
      [stage.deps.config.topic, trade(60).event_id, trade(61).event_id],
    )
    const report = await audit(stage.deps)
    expect(report).toMatchObject({ ...ALL_THERE, closed: TRADES + 2, lost: 2, reconciles: false })
    expect(report.lost_ids.sort()).toEqual([trade(60).event_id, trade(61).event_id].sort())
    const { code, stdout } = await command()
    expect(code).toBe(1)
    expect(stdout).toMatch(/THE AUDIT DOES NOT RECONCILE: lost 2\.\n$/)
  })

  test('a correction that is marked as published and not in the log is lost, whatever became of the trade', async () => {
    await wholeLoop()
    await stage.stop()
    await close([trade(0, { revision: 1, rr: 3 })])
    await stage.db.sql(
      `update pm_outbox set published_at = now(), topic = $1, partition = 0, "offset" = 900000 where revision = 1`,
      [stage.deps.config.topic],
    )
    expect(await audit(stage.deps)).toMatchObject({ lost: 1, lost_ids: [trade(0).event_id] })
  })

  test('a letter of a topic that was there before says nothing of the record that lies at its place now', async () => {
    await wholeLoop()
    await stage.stop()
    await stage.db.sql(
      `insert into dead_letters (consumer, topic, partition, "offset", reason, topic_id, record_ms)
       select consumer, topic, partition, 0, 'not_avro', 'another', 1 from consumer_checkpoints where consumer like 'learner/%' and checkpoint > 0`,
    )
    expect(await audit(stage.deps)).toMatchObject({ ...ALL_THERE, refused: {}, wrong: 0, reconciles: true })
  })

  test('of a topic from which the active model does not learn nothing is said but that', async () => {
    await wholeLoop()
    await stage.stop()
    await stage.db.sql(`update model_versions set topic = 'another'`)
    await expect(audit(stage.deps)).rejects.toMatchObject({
      code: 'USAGE',
      message: expect.stringMatching(/another topic/),
    })
  })

  test('a record that the learner passed, neither applied nor refused: lost', async () => {
    await wholeLoop([...trades(), trade(50, { rr: 99 })])
    await stage.stop()
    await stage.db.sql('delete from dead_letters')
    expect(await audit(stage.deps)).toMatchObject({ lost: 1, lost_ids: [trade(50).event_id] })
  })

  test('a coefficient that was spoiled is wrong, one that is gone too, and a strand that is there twice is double', async () => {
    await wholeLoop()
    await stage.stop()
    await stage.db.sql(
      `update learner_partials set weighted_rr_short = weighted_rr_short + 1 where ctid = (select min(ctid) from learner_partials where name = 'curator')`,
    )
    await stage.db.sql(`delete from learner_partials where name = 'chain'`)
    expect(await audit(stage.deps)).toMatchObject({ lost: 0, double: 0, wrong: 2, reconciles: false })
    await stage.db.sql(
      `insert into ad_strands (id, module, kind, metadata) select id || '-again', module, kind, metadata from ad_strands where kind = 'position_closed' limit 1`,
    )
    expect(await audit(stage.deps)).toMatchObject({ lost: 0, double: 1 })
    expect((await command()).code).toBe(1)
  })
})

test('while trades flow, audits find nothing lost, double or wrong', async () => {
  for (const service of [startPm, startLearner, startProjector]) await stage.start(service)
  const ends = new AbortController()
  const flowing = (async () => {
    let i = 0
    for (; !ends.signal.aborted; i += 10) {
      await close(trades(i, i + 10))
      if (i >= 20) await close([trade(i - 15, { revision: 1, rr: 2 })]) // corrections flow as well
    }
    return i
  })()
  const seen: Awaited<ReturnType<typeof audit>>[] = []
  for (let n = 0; n < 8; n++) seen.push(await audit(stage.deps))
  ends.abort()
  const total = await flowing
  expect(seen.map(({ lost, double, wrong }) => ({ lost, double, wrong }))).toEqual(
    seen.map(() => ({ lost: 0, double: 0, wrong: 0 })),
  )
  expect(seen.some((r) => r.waiting_outbox + r.behind > 0)).toBe(true) // it did audit under load
  expect(await untilNothingWaits(stage.deps, 60, () => undefined)).toBe(null)
  expect(await audit(stage.deps)).toMatchObject({
    closed: total,
    in_ledger: total,
    waiting_outbox: 0,
    behind: 0,
    reconciles: true,
  })
})

describe('--wait', () => {
  test('waits until the outbox is empty and the log is applied', async () => {
    await close(trades())
    const waiting = command('--wait', '60', '--json')
    for (const service of [startPm, startLearner, startProjector]) await stage.start(service)
    const { code, stdout } = await waiting
    expect(JSON.parse(stdout)).toMatchObject(ALL_THERE)
    expect(code).toBe(0)
  })

  test('ends when the time is over, and says what still waits', async () => {
    await close(trades())
    const { code, stderr, stdout } = await command('--wait', '1')
    expect(code).toBe(3)
    expect(stderr).toContain(`After 1 s there still waits: ${TRADES} in the outbox.`)
    expect(stdout).toMatch(/reconciles so far/)
  })
})

describe('an engine that is down is one sentence, within seconds', () => {
  test.each([
    ['SUPABASE_URL', 'http://127.0.0.1:1', /No answer from the database/],
    ['SCHEMA_REGISTRY_URL', 'http://127.0.0.1:1', /schema registry/i],
    ['KAFKA_BROKERS', '127.0.0.1:1', /Kafka at 127\.0\.0\.1:1/],
  ])('%s', async (name, url, sentence) => {
    await close(trades())
    await stage.start(startPm)
    await stage.published()
    const started = performance.now()
    const { code, stderr } = await runCommand(['audit'], { env: { ...stage.env, [name]: url } })
    expect(stderr).toMatch(sentence)
    expect(stderr).not.toMatch(/\n +at /)
    expect(code).toBe(1)
    expect(performance.now() - started).toBeLessThan(30_000)
    expect((await runCommand(['audit', '--wait', '5'], { env: { ...stage.env, [name]: url } })).code).toBe(3)
  })
})
