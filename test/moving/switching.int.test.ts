/** Readers and writers of three old systems before, during and after Strandline, and that nothing of it is left after `undo`. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { systemClock } from '../../core/clock.ts'
import { withClient } from '../../core/store/client.ts'
import { migrate } from '../../core/store/migrate.ts'
import { restoreReaders, switchReaders } from '../../moving/switch.ts'
import { undo } from '../../moving/undo.ts'
import { createOldDatabase, type OldDatabase } from '../legacy/old-database.ts'
import type { VariantName } from '../legacy/old-system.ts'
import { schemaOf } from '../legacy/schema-of.ts'
import { type Answer, ask, kindOf, statementsOf } from '../legacy/statements.ts'
import { closedTrade } from '../support/closed-trade.ts'
import { strandTable } from '../support/strand-table.ts'
import { learn } from './learned-old-trades.ts'

/** What each reader and writer is answered, by name and role. */
async function answers(old: OldDatabase): Promise<Record<string, Answer>> {
  return withClient(old.databaseUrl, async (client) => {
    const all: Record<string, Answer> = {}
    for (const statement of statementsOf(old.variant))
      all[`${statement.name} (${statement.role})`] = await ask(client, statement)
    return all
  })
}
const kinds = (all: Record<string, Answer>) =>
  Object.fromEntries(Object.entries(all).map(([name, answer]) => [name, kindOf(answer)]))

describe.each<VariantName>(['text', 'uuid', 'bigint'])('ids as %s', (variant) => {
  let old: OldDatabase
  let schema: string[]
  let before: Record<string, Answer>
  let said: Record<string, string>
  let learned: Set<string>
  beforeAll(async () => {
    old = await createOldDatabase(variant)
    const all = statementsOf(old.variant)
    said = Object.fromEntries(all.map((s) => [`${s.name} (${s.role})`, s.answers]))
    learned = new Set(all.filter((s) => s.learned).map((s) => `${s.name} (${s.role})`))
    schema = await schemaOf(old.databaseUrl)
    before = await answers(old)
    await migrate(old.databaseUrl)
  })
  afterAll(() => old?.drop())

  const changed = (now: Record<string, Answer>) =>
    Object.keys(before).filter((name) => JSON.stringify(now[name]) !== JSON.stringify(before[name]))

  test('a switch is refused while nothing is learned, and changes nothing', async () => {
    const migrated = await schemaOf(old.databaseUrl)
    await expect(switchReaders(old.databaseUrl, { clock: systemClock })).rejects.toMatchObject({
      code: 'STORE_REJECTED',
      message: expect.stringContaining('Nothing is learned yet'),
    })
    expect(await schemaOf(old.databaseUrl)).toEqual(migrated)
  })

  test('after migrating and learning, every reader and writer is answered as before', async () => {
    await learn(old)
    const now = await answers(old)
    expect(kinds(now)).toEqual(said)
    expect(changed(now)).toEqual([])
  })

  test('after the switch readers see what is learned, each role no more than before; writers go on', async () => {
    expect(await switchReaders(old.databaseUrl, { clock: systemClock })).toEqual({
      status: 'ok',
      names: ['learning_coefficients', 'learning_configs'],
    })
    const now = await answers(old)
    expect(kinds(now)).toEqual(said)
    const expected = [...learned].filter((name) => said[name] === 'rows')
    // Nobody ever learned the interaction that the old table has: its readers find none, and their default is neutral.
    expect(changed(now).sort()).toEqual(expected.sort())
  })

  test('regression: what is learned of one lever is what the decision maker multiplies with', async () => {
    const [ours] = await old.sql(
      `select weight from strandline.learning_coefficients where name = 'curator' and key = 'moonboy'`,
    )
    const [theirs] = await old.sql(
      `select weight from learning_coefficients where module='dm' and scope='lever' and name='curator' and key='moonboy'`,
    )
    expect(Number(theirs!.weight)).toBeCloseTo(Number(ours!.weight), 3)
  })

  test('the readers go back, and forth again', async () => {
    await restoreReaders(old.databaseUrl)
    expect(changed(await answers(old))).toEqual([])
    await switchReaders(old.databaseUrl, { clock: systemClock })
    expect(await switchReaders(old.databaseUrl, { clock: systemClock })).toMatchObject({ status: 'again' })
    expect(kinds(await answers(old))).toEqual(said)
  })

  test('undo leaves no trace, and everybody is answered as at first', async () => {
    const strands = () => old.sql('select * from ad_strands order by id')
    const theirs = await strands()
    // a trade that closes now becomes a strand of ours
    const trade = closedTrade({ position_id: 'new', trade_id: 'new', closed_at: Date.now() })
    await strandTable({ store: await old.store(), sql: old.sql }).project(trade)
    expect((await strands()).length).toBe(theirs.length + 1)
    await undo(old.databaseUrl)
    expect(await strands()).toEqual(theirs)
    expect(await schemaOf(old.databaseUrl)).toEqual(schema)
    const now = await answers(old)
    expect(kinds(now)).toEqual(said)
    expect(changed(now)).toEqual([])
  })
})
