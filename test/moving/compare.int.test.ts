import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { systemClock } from '../../core/clock.ts'
import { migrate } from '../../core/store/migrate.ts'
import { type Comparison, compareDatabase, compareLegacy } from '../../moving/compare.ts'
import { createLegacyStore } from '../../moving/legacy-store.ts'
import { switchReaders } from '../../moving/switch.ts'
import { createOldDatabase, type OldDatabase } from '../legacy/old-database.ts'
import type { VariantName } from '../legacy/old-system.ts'
import { eventsOf, learn } from './learned-old-trades.ts'

/** The old rule, by its definition. */
const halving = (rrs: number[]) => rrs.reduce((mean, rr, i) => (i === 0 ? rr : (mean + rr) / 2), 0)

describe.each<VariantName>(['text', 'uuid', 'bigint'])('ids as %s', (variant) => {
  let old: OldDatabase
  let moonboy: number[]
  let detweiler: { closed_at: number; rr: number }[]
  const stopped = '2025-12-20T04:00:00+00:00'
  beforeAll(async () => {
    old = await createOldDatabase(variant)
    const scored = eventsOf(old)
      .filter((e) => e.rr !== null)
      .map((e) => ({ curator: e.levers.curator, closed_at: e.closed_at, rr: e.rr as number, id: e.event_id }))
      .sort((a, b) => a.closed_at - b.closed_at || (a.id < b.id ? -1 : 1))
    moonboy = scored.filter((e) => e.curator === 'moonboy').map((e) => e.rr)
    detweiler = scored.filter((e) => e.curator === '0xdetweiler' && e.closed_at <= Date.parse(stopped))
    const set = `update learning_coefficients set rr_short = $1, rr_long = $1, n = $2, updated_at = $3 where module = 'dm' and name = 'curator' and key = $4`
    await old.sql(set, [halving(moonboy), moonboy.length, '2026-12-01T00:00:00+00:00', 'moonboy'])
    if (variant === 'text') await old.sql('alter table learning_coefficients disable trigger touch_coefficients')
    await old.sql(set, [halving(detweiler.map((t) => t.rr)), detweiler.length, stopped, '0xdetweiler'])
    await migrate(old.databaseUrl)
  })
  afterAll(() => old?.drop())

  const row = ({ rows }: Comparison, name: string, key: string) => rows.find((r) => r.name === name && r.key === key)

  test('before anything is learned, everything is only there', async () => {
    const { model, rows, summary } = await compareDatabase(old.databaseUrl)
    expect(model).toBeNull()
    expect(rows.length).toBeGreaterThan(70)
    expect(summary.not_learned).toBe(rows.length)
  })

  test('each row says why it differs, found by folding the log’s trades by the old rule', async () => {
    await learn(old)
    const compared = await compareDatabase(old.databaseUrl)
    expect(row(compared, 'curator', 'moonboy')).toMatchObject({
      why: 'rule',
      ours: { n: moonboy.length },
      by_old_rule: expect.closeTo(halving(moonboy), 9),
      sentence: `The same ${moonboy.length} trades: there the newest (R/R ${moonboy.at(-1)!.toFixed(2)}) weighs a half, here each by its age.`,
    })
    expect(row(compared, 'curator', '0xdetweiler')).toMatchObject({
      why: 'stopped',
      sentence: expect.stringMatching(new RegExp(`^It stopped after ${detweiler.length} of \\d+ trades`)),
    })
    expect(row(compared, 'curator', 'newcomer')).toMatchObject({ why: 'new', old: null })
    expect(row(compared, 'curator', 'quiet_hand')).toMatchObject({ why: 'no_trade', ours: null })
    expect(row(compared, 'bucket_rank', 'top')).toMatchObject({ why: 'not_learned' })
    expect(row(compared, 'uptrend', 'S3')).toMatchObject({ module: 'pm', why: 'not_learned' })
    expect(row(compared, 'interaction', 'chain=base|curator=moonboy')).toMatchObject({
      ours: { n: expect.any(Number) },
    })
    expect(compared.summary.new_interactions).toBe(5)
    expect(compared.baseline.old).toMatchObject({ rr_short: 1.25, n: 42 })
    expect(compared.baseline.ours).toMatchObject({ n: eventsOf(old).filter((e) => e.rr !== null).length })
  })

  test('over the API it is the same', async () => {
    expect(await compareLegacy(createLegacyStore(await old.store()))).toEqual(await compareDatabase(old.databaseUrl))
  })

  test('after the switch it compares the same two', async () => {
    const before = await compareDatabase(old.databaseUrl)
    await switchReaders(old.databaseUrl, { clock: systemClock })
    expect(await compareDatabase(old.databaseUrl)).toEqual({
      ...before,
      table: 'public.learning_coefficients_before_strandline',
    })
  })
})
