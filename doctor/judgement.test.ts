/** What the doctor concludes from what it has seen. */
import { describe, expect, test } from 'vitest'
import { judgeClock } from './clocks.ts'
import { judgeSwitch, judgeTables } from './database/judge-tables.ts'
import { judgeLocks } from './database/locks.ts'
import { judgeMigrations } from './database/migrations.ts'
import { judgeNames } from './database/names.ts'
import { judgeOutbox } from './database/outbox.ts'
import { judgeQueue, judgeQueueTrigger } from './database/queue.ts'
import { judgeServer, type ServerFacts } from './database/server.ts'
import type { TableFacts } from './database/shared-tables.ts'
import { judgeTrades } from './database/trades.ts'
import { judgeUndo } from './database/undo.ts'
import { judgeValues } from './database/values.ts'
import { error, type Finding, info, reportOf, warning } from './finding.ts'
import { inspect } from './inspect.ts'
import { brokerSkew, judgeNewestRecord } from './log/broker-clock.ts'
import { judgeApi } from './rest/api.ts'
import { judgeReadiness } from './services.ts'
import { judgeNode } from './versions.ts'

/** `severity area` of what is amiss. */
const amiss = (found: Finding[]) => found.filter((f) => f.severity !== 'info').map((f) => `${f.severity} ${f.area}`)

const BEFORE = { migrated: false, adopted: null, switched: false }

const texts = (...names: string[]) =>
  names.map((name) => ({
    name,
    type: 'text',
    base: 'text',
    group: 'S',
    required: name === 'id',
    filled: false,
    generated: false,
  }))

const table = (over: Partial<TableFacts> = {}): TableFacts => ({
  name: 'ad_strands',
  kind: 'r',
  owner: 'postgres',
  may_alter: true,
  may_read: true,
  hides_rows: false,
  rls: false,
  rows: 10,
  columns: texts('id', 'kind', 'content'),
  id_is_unique: true,
  policies: [],
  triggers: [],
  indexes: [],
  index_columns: [],
  checks: [],
  grants: [],
  dependents: [],
  children: [],
  publications: [],
  ...over,
})
const ofType = (column: string, type: string) =>
  table().columns.map((c) => (c.name === column ? { ...c, type, base: type, group: 'U' } : c))

const server: ServerFacts = {
  number: 180004,
  version: '18.4',
  role: 'postgres',
  database: 'app',
  superuser: false,
  may_create_schema: true,
  may_create_in_public: true,
  creators: [],
  read_only: false,
  encoding: 'UTF8',
  roles: ['anon', 'authenticated', 'service_role'].map((name) => ({ name, bypassrls: name === 'service_role' })),
}

describe('the report', () => {
  test('names what is wrong first, in the order of what to do; an error makes it not ok', () => {
    const { ok, findings } = reportOf([
      info('database', 'a'),
      warning('backfill', 'b'),
      error('broker', 'c'),
      warning('broker', 'd'),
      error('rights', 'e'),
    ])
    expect(ok).toBe(false)
    expect(findings.map((f) => f.what).join('')).toBe('ecdba')
    expect(reportOf([warning('broker', 'd'), info('undo', 'a')]).ok).toBe(true)
  })

  test('says the same thing once', () => {
    expect(reportOf([error('key', 'x'), error('key', 'x')]).findings).toHaveLength(1)
  })

  test('a look that fails or hangs is a finding of its area', async () => {
    expect(await inspect('broker', 'Kafka', () => Promise.reject(new Error('no way')))).toEqual([
      error('broker', 'Kafka could not be looked at: no way.'),
    ])
    const [late] = await inspect('broker', 'Kafka', () => new Promise(() => {}), 20)
    expect(late).toMatchObject({ severity: 'error', what: 'Kafka could not be looked at: no answer within 0.02 s.' })
  })
})

describe('the server', () => {
  test('all is well', () => expect(amiss(judgeServer(server, false))).toEqual([]))
  test.each([
    ['PostgreSQL 14', { number: 140012, version: '14.12' }, ['error versions']],
    ['another encoding', { encoding: 'SQL_ASCII' }, ['error database']],
    ['a standby', { read_only: true }, ['error database']],
    ['everybody may make functions in public', { creators: ['everybody'] }, ['warning rights']],
    ['no right to make a schema', { may_create_schema: false }, ['error rights']],
    [
      'a service role that policies bind',
      { roles: server.roles.map((r) => ({ ...r, bypassrls: false })) },
      ['warning rights'],
    ],
    ['no service role', { roles: [] }, ['warning rights']],
  ])('%s', (_, over, expected) => expect(amiss(judgeServer({ ...server, ...over }, false))).toEqual(expected))

  test('once all is migrated, nobody needs the right to make a schema', () => {
    expect(amiss(judgeServer({ ...server, may_create_schema: false }, true))).toEqual([])
  })
})

describe('the old tables', () => {
  test('a table like theirs is adopted', () => expect(amiss(judgeTables([table()], BEFORE))).toEqual([]))
  test.each<[string, Partial<TableFacts>, string[]]>([
    ['an id of another type', { columns: ofType('id', 'bytea') }, ['error tables']],
    ['JSON in another type', { columns: ofType('content', 'bytea') }, ['error tables']],
    ['a column that we cannot do without', { columns: table().columns.slice(0, 2) }, ['error tables']],
    ['a view in a table’s place', { kind: 'v' }, ['error tables']],
    ['ids that may be equal', { id_is_unique: false }, ['error tables']],
    ['rows in a table that inherits from it', { children: ['archive'] }, ['error tables']],
    [
      'a column that we write, and the database computes',
      { columns: table().columns.map((c) => ({ ...c, generated: c.name === 'content' })) },
      ['error tables'],
    ],
    ['nobody lets us read', { may_read: false }, ['warning rights']],
    ['policies hide rows', { hides_rows: true }, ['warning rights']],
    [
      'a value that our strands do not have',
      { columns: [...table().columns, { ...texts('desk')[0]!, required: true }] },
      ['warning tables'],
    ],
  ])('%s', (_, over, expected) => expect(amiss(judgeTables([table(over)], BEFORE))).toEqual(expected))

  test.each(['text', 'uuid', 'bigint'])('an id may be %s', (type) =>
    expect(amiss(judgeTables([table({ columns: ofType('id', type) })], BEFORE))).toEqual([]),
  )

  test('somebody else’s table cannot be added to', () => {
    const queue = table({
      name: 'learning_queue',
      may_alter: false,
      columns: texts('id', 'strand_id', 'strand_type', 'status'),
    })
    expect(amiss(judgeTables([queue], BEFORE))).toEqual(['error rights'])
    expect(amiss(judgeTables([queue], { ...BEFORE, migrated: true }))).toEqual([])
  })

  test('learning_coefficients is a table until the switch, and our view after it', () => {
    const view = table({ name: 'learning_coefficients', kind: 'v' })
    expect(amiss(judgeTables([view], BEFORE))).toEqual(['error tables'])
    expect(amiss(judgeTables([view], { migrated: true, adopted: [], switched: true }))).toEqual([])
    expect(amiss(judgeTables([{ ...view, kind: 'm' }], BEFORE))).toEqual(['error tables'])
  })

  test('who listens to a table does not hear a view', () => {
    const listened = table({ name: 'learning_coefficients', publications: ['supabase_realtime'] })
    expect(amiss(judgeSwitch(listened, false))).toEqual(['warning switch'])
    expect(judgeSwitch(listened, true)).toEqual([])
  })

  test('names of ours that others have', () => {
    const names = { schema: false, ours: false, development: false, taken: [] }
    expect(judgeNames(names)).toEqual([])
    expect(amiss(judgeNames({ ...names, schema: true }))).toEqual(['error tables'])
    expect(amiss(judgeNames({ ...names, taken: ['function public.strandline_lag()'] }))).toEqual(['error tables'])
    expect(amiss(judgeNames({ ...names, development: true }))).toEqual(['error tables'])
    expect(judgeNames({ ...names, schema: true, ours: true, taken: ['function public.strandline_lag()'] })).toEqual([])
  })

  test('a transaction that is open for long would keep migrate waiting', () => {
    const lock = { pid: 7, who: 'app', age_ms: 60_000, tables: ['ad_strands'] }
    expect(amiss(judgeLocks([lock], false))).toEqual(['warning database'])
    expect(judgeLocks([lock], true)).toEqual([])
    expect(judgeLocks([{ ...lock, age_ms: 10 }], false)).toEqual([])
  })
})

test('values of ours that a type or a check of theirs does not know', () => {
  const lacking = {
    table: 'learning_queue',
    column: 'status',
    type: 'queue_state',
    value: 'completed',
    needed: true,
    check: null,
  } as const
  expect(judgeValues([])).toEqual([])
  expect(amiss(judgeValues([lacking]))).toEqual(['error tables'])
  expect(amiss(judgeValues([{ ...lacking, check: 'queue_status' }]))).toEqual(['error bridge'])
  expect(amiss(judgeValues([{ ...lacking, table: 'ad_strands', column: 'kind', check: 'kinds' }]))).toEqual([
    'warning tables',
  ])
  const failed = judgeValues([{ ...lacking, value: 'failed', needed: false, check: 'queue_status' }])
  expect(amiss(failed)).toEqual(['warning bridge'])
  expect(failed[0]).toMatchObject({
    what: 'The check queue_status of public.learning_queue does not know failed: queue rows that are no trade stay pending.',
    todo: expect.stringContaining('drop constraint'),
  })
})

test('services that run are said beside what undo would take away', () => {
  const undo = { added: [], dependents: [], running: [] }
  expect(judgeUndo(undo)).toHaveLength(1)
  expect(judgeUndo({ ...undo, running: ['pm (host, process 12)'] })[1]?.what).toContain('pm (host, process 12) runs')
})

describe('migrations', () => {
  const known = ['1', '2', '3']
  const row = (version: string, name = `strandline_${version}`) => ({ version, name })
  const judged = (recorded: Parameters<typeof judgeMigrations>[0]['recorded'], ours: boolean) =>
    amiss(judgeMigrations({ recorded }, known, ours))
  test('none, some, all, newer', () => {
    expect(judged([], false)).toEqual(['warning migrations'])
    expect(judged([row('1')], true)).toEqual(['error migrations'])
    expect(
      judged(
        known.map((v) => row(v)),
        true,
      ),
    ).toEqual([])
    expect(
      judged(
        [...known, '4'].map((v) => row(v)),
        true,
      ),
    ).toEqual(['error migrations'])
  })
  test('later ones of others are none of our business', () => {
    expect(judged([...known.map((v) => row(v)), row('9', 'their_table')], true)).toEqual([])
  })
  test('recorded, and gone', () =>
    expect(
      judged(
        known.map((v) => row(v)),
        false,
      ),
    ).toEqual(['error migrations']))
  test('nobody may read the record', () => {
    expect(judged(null, true)).toEqual([])
    expect(judged(null, false)).toEqual(['warning migrations'])
  })
})

describe('what waits', () => {
  const queue = { pending: 3, more: false, since: '2026-01-01', age_ms: 3_600_000, others: {} }
  test('rows of the queue wait for the bridge once there is one', () => {
    expect(judgeQueue(queue, false)[0]).toMatchObject({
      severity: 'info',
      what: '3 rows of closed trades wait in learning_queue, the oldest since 2026-01-01 (60 min).',
    })
    expect(amiss(judgeQueue(queue, true))).toEqual(['warning bridge'])
    expect(amiss(judgeQueue({ ...queue, age_ms: 5_000 }, true))).toEqual([])
    expect(amiss(judgeQueue({ ...queue, pending: 0, others: { processing: 2, failed: 1 } }, true))).toEqual([
      'warning bridge',
    ])
  })
  test('without a trigger the bridge sees nothing', () => {
    const trigger = { name: 't', function: 'public.f', enabled: true }
    expect(judgeQueueTrigger(table({ triggers: [trigger] }), ['public.f'])).toEqual([])
    expect(amiss(judgeQueueTrigger(table({ triggers: [{ ...trigger, enabled: false }] }), ['public.f']))).toEqual([
      'warning bridge',
    ])
    expect(amiss(judgeQueueTrigger(table({ triggers: [trigger] }), []))).toEqual(['warning bridge'])
  })
  const outbox = { waiting: 0, refused: 0, oldest_ms: null, last_error: null, set_aside: [] }
  test('closed trades that nobody publishes', () => {
    expect(amiss(judgeOutbox(outbox))).toEqual([])
    expect(amiss(judgeOutbox({ ...outbox, waiting: 2, oldest_ms: 1_000 }))).toEqual([])
    expect(amiss(judgeOutbox({ ...outbox, waiting: 2, oldest_ms: 600_000 }))).toEqual(['error outbox'])
    expect(amiss(judgeOutbox({ ...outbox, waiting: 1, refused: 1, oldest_ms: 600_000 }))).toEqual(['error outbox'])
    expect(amiss(judgeOutbox({ ...outbox, set_aside: [{ kind: 'strand', n: 2, reason: 'x' }] }))).toEqual([
      'warning outbox',
    ])
  })
  test('old trades that the log does not have', () => {
    const trades = { trades: 5, missing: 5, unusable: 0, reason: null, cut: false }
    expect(amiss(judgeTrades(trades, false))).toEqual([])
    expect(amiss(judgeTrades(trades, true))).toEqual(['warning backfill'])
    expect(amiss(judgeTrades({ ...trades, missing: 0 }, true))).toEqual([])
    expect(judgeTrades({ ...trades, cut: true }, true)[0]?.what).toContain('there was no time for them')
  })
})

describe('clocks', () => {
  test('only what is certain is said: an answer may have taken its time', () => {
    expect(amiss(judgeClock('a', 'b', { least: -60_000, most: 60_000 }))).toEqual([])
    expect(amiss(judgeClock('a', 'b', { least: 6_000, most: 60_000 }))).toEqual(['warning clocks'])
    expect(judgeClock('a', 'b', { least: -700_000, most: -600_000 })[0]).toMatchObject({
      severity: 'error',
      what: expect.stringMatching(/^a is 10 min behind b\./),
    })
  })
  test('a record was appended after its row was written, and before it was marked', () => {
    const placed = [{ partition: 0, offset: 5, created: 1_000, published: 2_000 }]
    const record = (offset: number, timestamp: number) => new Map([[0, { offset, timestamp }]])
    expect(brokerSkew(placed, record(5, 1_500))).toEqual({ least: -500, most: 500 })
    expect(brokerSkew(placed, record(5, 12_000))).toEqual({ least: 10_000, most: 11_000 })
    expect(brokerSkew(placed, record(6, 1_500))).toBeNull()
    expect(brokerSkew([], new Map())).toBeNull()
  })
  test('the newest record lies in nobody’s future', () => {
    expect(judgeNewestRecord(null, 0)).toEqual([])
    expect(judgeNewestRecord(1_000, 2_000)).toEqual([])
    expect(amiss(judgeNewestRecord(100_000, 2_000))).toEqual(['warning clocks'])
  })
})

test('the API: functions that are missing, a key that may not call them', () => {
  expect(amiss(judgeApi({ state: 'unknown' }, true))).toEqual(['error key'])
  expect(amiss(judgeApi({ state: 'unknown' }, null))).toEqual(['warning migrations'])
  expect(amiss(judgeApi({ state: 'refused', reason: 'no' }, null))).toEqual(['error key'])
  expect(amiss(judgeApi({ state: 'away', reason: 'no answer' }, null))).toEqual(['error key'])
})

test('services and versions', () => {
  expect(judgeReadiness('pm', 'http://x', 200, '{}').severity).toBe('info')
  expect(judgeReadiness('pm', 'http://x', 503, '{"reason":"No answer from Kafka."}').what).toBe(
    'pm is not ready: No answer from Kafka.',
  )
  expect(judgeReadiness('pm', 'http://x', 502, '<html>').what).toContain('answers 502')
  expect(amiss(judgeNode('20.11.1', '>=22.22'))).toEqual(['error versions'])
  expect(amiss(judgeNode('22.22.0', '>=22.22'))).toEqual([])
})
