import { afterAll, beforeAll, expect, test } from 'vitest'
import { prepareOwnCluster } from '../../embedded/api-role.ts'
import { withClient } from '../../embedded/client.ts'
import { migrate, readMigrations } from '../../embedded/migrate.ts'
import { askEngine } from '../support/ask-engine.ts'
import { PASSWORD } from '../support/engine-desk.ts'

const MARKS = '20261124000100'
const name = `outbox_marks_${process.pid}`
let server: string
let url: string
beforeAll(async () => {
  server = (await askEngine<{ url: string }>('postgres')).url
  await withClient(server, (client) => client.query(`create database ${name}`))
  url = Object.assign(new URL(server), { pathname: `/${name}` }).href
  await withClient(url, (client) => prepareOwnCluster(client, PASSWORD))
})
afterAll(() => withClient(server, (client) => client.query(`drop database ${name} with (force)`)))

const rows = (text: string, values: unknown[] = []) =>
  withClient(url, async (client) => (await client.query(text, values)).rows)

test('regression: what an earlier version marked as published without an offset is published again, and such a mark is refused from then on', async () => {
  // Given a database of the version before, with rows marked by it
  const all = await readMigrations()
  await migrate(
    url,
    all.filter((m) => m.version < MARKS),
  )
  await rows(
    `insert into pm_outbox (event_id, revision, payload) select 'e' || i, 0, '{}' from generate_series(1, 4) i`,
  )
  await rows(`select pm_outbox_published('t', '[[1, 0, 7], [2, 9, null], [3, null, null]]')`)
  expect(await rows('select count(*)::int as n from pm_outbox where published_at is not null')).toEqual([{ n: 3 }])

  // When it is migrated
  await migrate(url, all)

  // Then only what has a place counts as published, and the rest can be claimed
  const state = 'select id::int, partition, "offset"::int, published_at is not null as done from pm_outbox order by id'
  expect(await rows(state)).toEqual([
    { id: 1, partition: 0, offset: 7, done: true },
    { id: 2, partition: null, offset: null, done: false },
    { id: 3, partition: null, offset: null, done: false },
    { id: 4, partition: null, offset: null, done: false },
  ])
  const marks = '[[1, 0, 8], [2, 1, null], [3, null, 5], [4, 1, 6], [4, -1, 6]]'
  expect(await rows('select pm_outbox_published($1, $2) as answer', ['t', marks])).toEqual([
    { answer: { marked: 1, refused: [2, 3, 4] } },
  ])
  expect((await rows(state)).map((r) => r.done)).toEqual([true, false, false, true])
  await expect(rows('update pm_outbox set published_at = now() where id = 2')).rejects.toThrow('pm_outbox_placed')
  expect(
    await rows('select count(*)::int as n from jsonb_array_elements(pm_outbox_claim($1, 9, 1000))', ['r']),
  ).toEqual([{ n: 2 }])
})
