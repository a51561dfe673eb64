import { expect, test } from 'vitest'
import { chooseTargets } from './doctor-targets.ts'

const running = {
  pid: 7,
  env: {
    DATABASE_URL: 'postgres://u:secret@127.0.0.1:1/a',
    SUPABASE_URL: 'http://127.0.0.1:2',
    SUPABASE_SERVICE_ROLE_KEY: 'sb_secret_x',
    KAFKA_BROKERS: '127.0.0.1:3',
    SCHEMA_REGISTRY_URL: 'http://127.0.0.1:4',
  },
  services: { pm: 'http://127.0.0.1:5' },
}
const choose = (env: Record<string, string | undefined>, over: Partial<Parameters<typeof chooseTargets>[0]> = {}) =>
  chooseTargets({ dataDir: '/x', explicit: false, env, running, ...over })

test('the running stack, also where the environment says the same', () => {
  for (const env of [{}, { DATABASE_URL: running.env.DATABASE_URL }]) {
    const targets = choose(env)
    expect(targets).toMatchObject({
      name: 'Stack: /x (running, process 7)',
      databaseUrl: running.env.DATABASE_URL,
      kafka: { brokers: ['127.0.0.1:3'] },
      services: running.services,
      findings: [],
    })
  }
})

test('the token and the topic of the running stack, but for what somebody sets otherwise', () => {
  const token = 'a-token-of-its-own'
  const theirs = { ...running, env: { ...running.env, STRANDLINE_TOKEN: token, STRANDLINE_TOPIC: 'theirs' } }
  expect(choose({}, { running: theirs })).toMatchObject({
    headers: { authorization: `Bearer ${token}` },
    config: { topic: 'theirs' },
  })
  const other = { STRANDLINE_TOKEN: 'another-token-of-mine', STRANDLINE_TOPIC: 'mine' }
  const itsOwn = { STRANDLINE_TOKEN_FILE: '/its/token', STRANDLINE_DEAD_LETTER_TOPIC: 'its-letters' }
  expect(choose(other, { running: { ...running, env: { ...running.env, ...itsOwn } } })).toMatchObject({
    headers: { authorization: 'Bearer another-token-of-mine' },
    config: { topic: 'mine', deadLetterTopic: 'mine.dead-letter' },
    findings: [],
  })
})

test('another database: nothing of the running stack is mixed with it', () => {
  const targets = choose({}, { databaseUrl: 'postgres://u:secret@db:5432/b' })
  expect(targets).toMatchObject({
    databaseUrl: 'postgres://u:secret@db:5432/b',
    kafka: undefined,
    supabase: undefined,
    services: {},
  })
  expect(targets.name).toBe('Stack: the database postgres://db:5432/b')
  expect(targets.findings).toMatchObject([
    { severity: 'info', area: 'settings', what: expect.stringContaining('Kafka') },
  ])
})

test('a folder that is named and contradicted is wrong usage', () => {
  expect(() => choose({ KAFKA_BROKERS: 'other:1' }, { explicit: true })).toThrow(/--data-dir names the stack/)
})

test('what is set wrongly is a finding, and the rest is looked at', () => {
  const targets = choose(
    { SUPABASE_URL: 'https://a.supabase.co', KAFKA_BROKERS: 'no-port', SCHEMA_REGISTRY_URL: 'http://r' },
    { running: undefined },
  )
  expect(targets.registry).toEqual(expect.objectContaining({ url: 'http://r' }))
  expect(targets.findings.map((f) => f.what)).toEqual([
    expect.stringContaining('SUPABASE_SERVICE_ROLE_KEY is not set'),
    expect.stringContaining("KAFKA_BROKERS has 'no-port'"),
  ])
  expect(choose({ DATABASE_URL: 'mysql://x' }).findings[0]).toMatchObject({
    severity: 'error',
    what: 'The database URL is not the URL of a PostgreSQL.',
  })
})

test('regression: a setting of TLS that no connection can be made with is one sentence', () => {
  const { databaseUrl, findings } = choose({ DATABASE_URL: 'postgres://u:secret@h/d?sslmode=verify-ca' })
  expect(databaseUrl).toBeUndefined()
  expect(findings[0]?.what).toMatch(/^The database URL cannot be used: its sslmode is verify-ca/)
})

test('nothing runs and nothing is named', () => {
  expect(choose({}, { running: undefined }).findings).toMatchObject([
    { severity: 'error', what: expect.stringContaining('No stack runs in /x') },
  ])
})
