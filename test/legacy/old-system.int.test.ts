/** The old system itself, on a database that Strandline never saw: what the other tests build on. */
import { randomBytes } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { withClient } from '../../core/store/client.ts'
import { askEngine } from '../support/ask-engine.ts'
import { makeOldSystem, type OldSystem, type VariantName } from './old-system.ts'
import { ask, kindOf, statementsOf } from './statements.ts'

describe.each<VariantName>(['text', 'uuid', 'bigint'])('ids as %s', (name) => {
  let server: string
  let url: string
  let old: OldSystem
  const database = `old_${name}_${randomBytes(4).toString('hex')}`
  beforeAll(async () => {
    server = (await askEngine<{ url: string }>('postgres')).url
    await withClient(server, (client) => client.query(`create database ${database}`))
    url = Object.assign(new URL(server), { pathname: `/${database}` }).href
    old = await makeOldSystem(url, name)
  })
  afterAll(() => withClient(server, (client) => client.query(`drop database ${database} with (force)`)))

  test('it has some thousand rows, every oddity, and waiting strands that its own trigger scored', async () => {
    const counted = await withClient(url, async (client) => {
      const { rows } = await client.query(`select
        (select count(*)::int from lowcap_positions) as positions,
        (select count(*)::int from ad_strands) as strands,
        (select count(*)::int from ad_strands where kind = 'position_closed') as closed,
        (select count(*)::int from learning_queue where status = 'pending' and strand_type = 'position_closed') as pending,
        (select count(*)::int from ${name === 'uuid' ? 'learning_audit' : 'strand_scores'}) as scored`)
      return rows[0]
    })
    expect(counted.positions).toBeGreaterThan(700)
    expect(counted.closed).toBeGreaterThan(700)
    expect(counted.scored).toBe(counted.strands)
    expect(counted.pending).toBeGreaterThan(700)
    expect(new Set(old.trades.map((t) => t.oddity)).size).toBe(25)
    expect(new Set(old.trades.map((t) => JSON.stringify([t.position_id, t.trade_id]))).size).toBe(old.trades.length)
    expect(old.trades.filter((t) => t.usable).length).toBeGreaterThan(800)
  })

  test('every statement of its readers and writers answers as it is said to', async () => {
    const said: Record<string, string> = {}
    const found: Record<string, string> = {}
    await withClient(url, async (client) => {
      for (const statement of statementsOf(old.variant)) {
        const of = `${statement.name} (${statement.role})`
        said[of] = statement.answers
        found[of] = kindOf(await ask(client, statement))
      }
    })
    expect(found).toEqual(said)
  })
})
