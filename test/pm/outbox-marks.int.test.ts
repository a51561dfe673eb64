import { afterAll, beforeAll, expect, test } from 'vitest'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'

let db: TestDatabase
beforeAll(async () => {
  db = await createTestDatabase()
})
afterAll(() => db.drop())

test('regression: an acknowledgement without an offset marks nothing, whichever way it comes', async () => {
  await db.sql(
    `insert into pm_outbox (event_id, revision, payload) select 'e' || i, 0, '{}' from generate_series(1, 4) i`,
  )
  const mark = async (marks: string) =>
    (await db.sql('select strandline_pm_outbox_published($1, $2) as answer', ['t', marks]))[0]?.answer
  expect(await mark('[[1, 0, 7]]')).toEqual({ marked: 1, refused: [] })
  expect(await mark('[[1, 0, 8], [2, 1, null], [3, null, 5], [4, 1, 6], [4, -1, 6]]')).toEqual({
    marked: 1,
    refused: [2, 3, 4],
  })
  expect(
    await db.sql(
      'select id::int, partition, "offset"::int, published_at is not null as done from pm_outbox order by id',
    ),
  ).toEqual([
    { id: 1, partition: 0, offset: 7, done: true },
    { id: 2, partition: null, offset: null, done: false },
    { id: 3, partition: null, offset: null, done: false },
    { id: 4, partition: 1, offset: 6, done: true },
  ])
  await expect(db.sql('update pm_outbox set published_at = now() where id = 2')).rejects.toThrow('pm_outbox_placed')
  expect(
    await db.sql('select count(*)::int as n from jsonb_array_elements(strandline_pm_outbox_claim($1, 9, 1000))', ['r']),
  ).toEqual([{ n: 2 }])
})
