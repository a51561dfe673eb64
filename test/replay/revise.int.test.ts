/** Corrections as a person makes them, on a whole loop: each is a revision that the log, the learner and explain agree about. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { StrandlineError } from '../../core/errors.ts'
import type { Store } from '../../core/store/store.ts'
import { simulateMarket } from '../../demo/market.ts'
import { insertBars } from '../../demo/trader.ts'
import { correction, publishRevisions } from '../../replay/revise.ts'
import { audit } from '../../services/audit/audit.ts'
import { type Loop, startLoop } from '../support/loop.ts'
import { PATIENT } from '../support/patience.ts'
import { runCommand } from '../support/strandline.ts'

const TRADES = 6
let loop: Loop
let dir: string
beforeAll(async () => {
  loop = await startLoop()
  dir = await mkdtemp(join(tmpdir(), 'strandline-revise-'))
  const trades = simulateMarket(TRADES, 5, 'revise', Date.now() - 60_000)
  await insertBars(loop.db.store, trades)
  for (const t of trades) {
    const {
      position_id: id,
      chain: token_chain,
      token: token_contract,
      ticker: token_ticker,
      timeframe,
      entry_context,
    } = t
    await loop.post('/v1/positions', { id, token_chain, token_contract, token_ticker, timeframe, entry_context })
    const report = (kind: string, price: number, at: number, part: object) =>
      loop.post(`/v1/positions/${id}/executions`, { kind, price, executed_at: new Date(at).toISOString(), ...part })
    await report('entry', t.entry_price, t.opened_at, { id: `${id}-in`, quantity: 1 })
    await report(t.exit, t.exit_price, t.closed_at, { id: `${id}-out`, size_frac: 1 })
  }
  await reconciled()
})
afterAll(async () => {
  await loop?.stop()
  await rm(dir, { recursive: true, force: true })
})

const reconciled = () =>
  vi.waitFor(
    async () =>
      expect(await audit(loop.deps)).toMatchObject({
        in_ledger: TRADES,
        in_ad_strands: TRADES,
        behind: 0,
        wrong: 0,
        lost: 0,
      }),
    PATIENT,
  )

interface Row {
  event_id: string
  rr: number | null
  revision: number
  voided: boolean
}
const ledger = () => loop.db.sql<Row>('select event_id, rr, revision, voided from learner_ledger order by event_id')
const rowOf = async (id: string) => (await ledger()).find((r) => r.event_id === id)

const strandline = (...args: string[]) => runCommand(args, commandOptions())
const commandOptions = () => {
  const { kafka, registry, supabase, topic } = loop.deps.config
  return {
    cwd: dir,
    env: {
      SUPABASE_URL: supabase?.url ?? '',
      SUPABASE_SERVICE_ROLE_KEY: supabase?.key ?? '',
      KAFKA_BROKERS: kafka.brokers.join(','),
      SCHEMA_REGISTRY_URL: registry.url,
      STRANDLINE_TOPIC: topic,
      STRANDLINE_CACHE_DIR: dir,
    },
  }
}

test('a correction is asked for, published once, and explain says who made it', async () => {
  const [first] = await ledger()
  const id = (first as Row).event_id
  const unasked = await strandline('correct', id, '--rr', '2.5')
  expect(unasked).toMatchObject({ code: 2, stderr: expect.stringMatching(/There is no terminal to ask on/) })
  expect(await rowOf(id)).toEqual(first)

  const done = await strandline('correct', id, '--rr', '2.5', '--reason', 'a wrong fill', '--yes', '--json')
  expect(done.code, done.stderr).toBe(0)
  expect(JSON.parse(done.stdout)).toMatchObject({ event_id: id, published: true, after: { revision: 1, rr: 2.5 } })
  await reconciled()
  expect(await rowOf(id)).toMatchObject({ rr: 2.5, revision: 1, voided: false })

  const why = JSON.parse((await strandline('explain', 'baseline', '--json')).stdout)
  const trade = why.trades.find((t: { event_id: string }) => t.event_id === id)
  expect(trade.revisions).toMatchObject([
    { revision: 0, revised_by: null },
    { revision: 1, outcome: 2.5, revised_by: expect.stringMatching(/^correct by .+@.+: a wrong fill$/) },
  ])
})

test('another exit price is scored on the bars, and what was retracted counts no more', async () => {
  const [, second, third] = (await ledger()) as [Row, Row, Row]
  const corrected = JSON.parse(
    (await strandline('correct', second.event_id, '--exit-price', '1e-9', '--yes', '--json')).stdout,
  )
  expect(corrected.after.rr).toBeCloseTo(-1, 6) // all is lost: the way down is the drawdown
  const voided = await strandline('void', third.event_id, '--reason', 'a test', '--yes', '--json')
  expect(JSON.parse(voided.stdout)).toMatchObject({ after: { voided: true, revision: 1 } })
  await reconciled()
  expect(await rowOf(second.event_id)).toMatchObject({ revision: 1, rr: corrected.after.rr })
  expect(await rowOf(third.event_id)).toMatchObject({ voided: true })
  expect(await strandline('void', third.event_id, '--reason', 'again', '--yes')).toMatchObject({
    code: 1,
    stderr: expect.stringMatching(/is retracted \(revision 1\)/),
  })
  expect(await strandline('correct', 'nobody', '--rr', '1', '--yes')).toMatchObject({
    code: 1,
    stderr: expect.stringMatching(/The log has no trade nobody\./),
  })
  await loop.db.sql(`insert into trade_names values ('p', 1, 'T', 'its-other-name', 2, $1)`, [third.event_id])
  expect(await strandline('correct', 'its-other-name', '--rr', '1', '--yes')).toMatchObject({
    code: 1,
    stderr: expect.stringContaining(`under another name: ${third.event_id}. Name that one.`),
  })
})

test('rescore publishes what has another score on the bars that are there now, but for what a person gave, and nothing the next time', async () => {
  const before = await ledger()
  const [{ event_id: ofPerson }] = before as [Row]
  await loop.db.sql('update lowcap_price_data_ohlc set low_usd = low_usd * 0.5')
  const preview = JSON.parse((await strandline('rescore', '--dry-run', '--json')).stdout)
  expect(preview.published).toBe(false)
  expect(preview.changed.length).toBeGreaterThan(0)
  expect(preview).toMatchObject({ of_persons: 1, without_side: 0 })
  expect(await ledger()).toEqual(before)
  expect((await strandline('rescore', '--yes')).code).toBe(0)
  await reconciled()
  for (const { event_id, after } of preview.changed)
    expect(await rowOf(event_id)).toMatchObject({ revision: after.revision, rr: after.rr })
  expect(await rowOf(ofPerson)).toMatchObject({ rr: 2.5, revision: 1 })
  expect(JSON.parse((await strandline('rescore', '--yes', '--json')).stdout).changed).toEqual([])
})

test('regression: a correction whose answer was lost is said again as it was: it is ours, and nobody else has made it', async () => {
  const { event_id } = (await ledger())[1] as Row
  const { deps } = loop
  const ours = await correction(deps, event_id, { rr: 0.25 }, 'correct by ann')
  const rpc: Store['rpc'] = async (name, args) => {
    const answer = await deps.store.rpc(name, args)
    if (name === 'strandline_pm_outbox_add') throw new StrandlineError('STORE_UNREACHABLE', 'away')
    return answer as never
  }
  const lost = publishRevisions({ ...deps, store: { ...deps.store, rpc } }, [ours])
  await expect(lost).rejects.toMatchObject({ code: 'STORE_UNREACHABLE' })
  await publishRevisions(deps, [ours])
  await reconciled()
  expect(await rowOf(event_id)).toMatchObject({ rr: 0.25, revision: ours.after.revision })
  for (const after of [
    { ...ours.after, rr: 0.5 },
    { ...ours.after, revised_by: 'correct by bob' },
  ])
    await expect(publishRevisions(deps, [{ ...ours, after }])).rejects.toMatchObject({ code: 'REVISION_TAKEN' })
})

test('regression: a correction whose text nobody reads is published', async () => {
  const last = (await ledger()).at(-1) as Row
  const args = ['correct', last.event_id, '--rr', '1.5', '--yes']
  const { code, stderr } = await runCommand(args, { ...commandOptions(), unread: true })
  expect(code, stderr).toBe(0)
  const revision = last.revision + 1
  expect(stderr).toContain(`Revision ${revision} is in the log`)
  await reconciled()
  expect(await rowOf(last.event_id)).toMatchObject({ rr: 1.5, revision })
})
