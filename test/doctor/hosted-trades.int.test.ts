/** Closed trades that are missing in the log, and what is set aside, counted over the API as over a connection. */
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { systemClock } from '../../core/clock.ts'
import { migrate } from '../../core/store/migrate.ts'
import { inspectDatabase } from '../../doctor/database/database.ts'
import type { Finding } from '../../doctor/finding.ts'
import { inspectHosted } from '../../doctor/rest/hosted.ts'
import { createHostedProject } from '../../doctor/rest/hosted-store.ts'
import { portfolioStores } from '../../services/pm/index.ts'
import { backfill, backfillStores } from '../../services/pm/sources/backfill.ts'
import { drainLearningQueue } from '../../services/pm/sources/learning-queue.ts'
import { createOldDatabase, type OldDatabase } from '../legacy/old-database.ts'
import type { VariantName } from '../legacy/old-system.ts'
import { PATIENT } from '../support/patience.ts'
import { logger } from '../support/pm.ts'

describe.each<VariantName>(['text', 'uuid', 'bigint'])('ids as %s', (variant) => {
  let old: OldDatabase
  beforeAll(async () => {
    old = await createOldDatabase(variant)
  })
  afterAll(() => old?.drop())

  /** What each says of the old tables' trades. */
  async function both(migrated: boolean): Promise<{ connection: string[]; api: string[] }> {
    const found = { connection: [] as Finding[], api: [] as Finding[] }
    const started = systemClock.now()
    const now = () => started // there is time for all of them
    await inspectDatabase({ url: old.databaseUrl, topic: 'x', now }, (more) => found.connection.push(...more))
    await inspectHosted(createHostedProject(await old.store()), migrated, now, (more) => found.api.push(...more))
    const said = (findings: Finding[]) =>
      findings.filter((f) => f.area === 'backfill' || f.what.startsWith('Set aside')).map((f) => f.what)
    return { connection: said(found.connection), api: said(found.api) }
  }

  test('regression: a strand that spells its position’s id otherwise is that position’s trade', async () => {
    // in the list of its position and in a strand, under another spelling of the id
    const [{ id }] = (await old.sql<{ id: string }>(
      `select id::text from public.lowcap_positions where completed_trades::text = '[]' order by id limit 1`,
    )) as [{ id: string }]
    const trade = {
      trade_id: 'spelled',
      rr: 1,
      entry_timestamp: '2026-01-01T00:00:00Z',
      exit_timestamp: '2026-01-02T00:00:00Z',
    }
    await old.sql(`update public.lowcap_positions set completed_trades = $1 where id::text = $2`, [
      JSON.stringify([trade]),
      id,
    ])
    const spelled = variant === 'uuid' ? id.toUpperCase() : variant === 'bigint' ? `0${id}` : id
    await old.sql(
      `insert into public.ad_strands (${variant === 'text' ? 'id, ' : ''}kind, symbol, timeframe, content) values (${variant === 'text' ? `'spelled', ` : ''}'position_closed', 'X', '1h', $1)`,
      [JSON.stringify({ position_id: spelled, trade_id: 'spelled', completed_trades: [trade] })],
    )
    const before = await both(false)
    expect(before.connection).toEqual([
      expect.stringMatching(/^Of ([\d,]+) closed trades .*, \1 are not in the log\.$/),
      expect.any(String),
    ])
    expect(before.api).toEqual(before.connection)
    await migrate(old.databaseUrl)
    // the endpoint hears of new functions a moment later
    await vi.waitFor(async () => {
      const stores = backfillStores(await old.store())
      expect(await backfill({ stores, clock: systemClock, owner: 'test' })).toMatchObject({ done: true })
    }, PATIENT)
    await drainLearningQueue({ ...portfolioStores(await old.store()), clock: systemClock, logger })
    const after = await both(true)
    expect(after.connection[0]).toMatch(/^Set aside: \d+ strands of the old queue /)
    expect(after.connection[1]).toMatch(/every one is in the log or on the way\.$/)
    expect(after.api).toEqual(after.connection)
  })
})
