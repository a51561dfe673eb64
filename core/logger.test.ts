import { Writable } from 'node:stream'
import { describe, expect, test } from 'vitest'
import { readConfig } from './config.ts'
import { StrandlineError } from './errors.ts'
import { createLogger, type Logger, withoutCredentials } from './logger.ts'

const SECRET = 'hunter2-S3cret'

/** All lines that `use` writes, at every level. */
function logged(use: (logger: Logger) => void): string {
  let text = ''
  const destination = new Writable({
    write(chunk, _encoding, done) {
      text += chunk
      done()
    },
  })
  use(createLogger({ name: 'test', level: 'trace', destination }))
  return text
}

describe('no secret reaches a log line', () => {
  test.each([
    ['password', { password: SECRET }],
    ['a password three levels down', { config: { kafka: { sasl: { password: SECRET } } } }],
    ['a password five levels down', { a: { b: { c: { d: { password: SECRET } } } } }],
    ['a password in a list', { users: [{ name: 'ann', password: SECRET }] }],
    ['the service role key', { supabase: { key: SECRET }, serviceRoleKey: SECRET, SUPABASE_SERVICE_ROLE_KEY: SECRET }],
    ['environment variables', { env: { KAFKA_SASL_PASSWORD: SECRET, SCHEMA_REGISTRY_PASSWORD: SECRET } }],
    [
      'spellings of a key',
      { apiKey: SECRET, api_key: SECRET, 'api-key': SECRET, accessToken: SECRET, clientSecret: SECRET },
    ],
    ['HTTP headers', { headers: { Authorization: `Bearer ${SECRET}`, apikey: SECRET, Cookie: `sid=${SECRET}` } }],
    ['an URL', { url: `postgres://app:${SECRET}@db:5432/x` }],
    ['an URL within a text', { note: `could not reach https://app:${SECRET}@registry/subjects, trying again` }],
    ['libpq settings', { dsn: `host=db password=${SECRET} user=app` }],
  ])('as %s', (_name, fields) => {
    const line = logged((logger) => logger.info(fields, 'hello'))
    expect(line).toContain('hello')
    expect(line).not.toContain(SECRET)
    expect(line).toContain('***')
  })

  test.each([
    ['an URL', `no answer from postgres://app:${SECRET}@db:5432/x`],
    ['a bearer token', `refused Bearer ${SECRET}`],
    ['basic authentication', `refused Basic ${Buffer.from(`app:${SECRET}`).toString('base64')}`],
    ['a key of Supabase', 'refused sb_secret_hunter2-S3cret'],
    ['a setting', `KAFKA_SASL_PASSWORD=${SECRET}`],
  ])('in a message: %s', (_name, message) => {
    const line = logged((logger) => logger.warn(message))
    expect(line).not.toContain(SECRET)
    expect(line).not.toContain(Buffer.from(`app:${SECRET}`).toString('base64'))
    expect(line).toContain('***')
  })

  test('in an error, its stack, its fields and its causes', () => {
    const cause = Object.assign(new Error(`connect postgres://app:${SECRET}@db`), { config: { password: SECRET } })
    const error = new StrandlineError('STORE_UNREACHABLE', `No answer from http://app:${SECRET}@db.`, { cause })
    const lines = logged((logger) => {
      logger.error({ err: error }, error.message)
      logger.error({ error }, 'again')
      logger.error(error)
    })
    expect(lines).not.toContain(SECRET)
    expect(lines).toContain('STORE_UNREACHABLE')
  })

  test('in a child logger', () => {
    expect(logged((logger) => logger.child({ sasl: { password: SECRET } }).info('hello'))).not.toContain(SECRET)
  })

  test('of a whole configuration', () => {
    const config = readConfig({
      KAFKA_BROKERS: 'b:9092',
      KAFKA_SECURITY_PROTOCOL: 'SASL_PLAINTEXT',
      KAFKA_SASL_MECHANISM: 'SCRAM-SHA-512',
      KAFKA_SASL_USERNAME: 'ann',
      KAFKA_SASL_PASSWORD: SECRET,
      SCHEMA_REGISTRY_URL: `http://ann:${SECRET}@registry`,
      SCHEMA_REGISTRY_USERNAME: 'ann',
      SCHEMA_REGISTRY_PASSWORD: SECRET,
      SUPABASE_URL: 'http://db',
      SUPABASE_SERVICE_ROLE_KEY: SECRET,
    })
    const line = logged((logger) => logger.debug({ config }, 'started'))
    expect(line).not.toContain(SECRET)
    expect(line).toContain('scram-sha-512')
  })
})

test('what is no secret is left as it is', () => {
  const fields = { partition: 3, token_contract: '0xabc', url: 'http://127.0.0.1:7302/readyz', position_id: 'p@1' }
  const line = JSON.parse(logged((logger) => logger.info(fields, 'learning from pm.position-closed.v1/3')))
  expect(line).toMatchObject({ ...fields, msg: 'learning from pm.position-closed.v1/3', name: 'test' })
})

test('one event is one line of JSON with an ISO time', () => {
  const lines = logged((logger) => logger.info({ note: 'two\nlines' }, 'three\nlines'))
    .trimEnd()
    .split('\n')
  expect(lines).toHaveLength(1)
  expect(JSON.parse(lines[0]!).time).toMatch(/^\d{4}-\d\d-\d\dT.*Z$/)
})

test('a text without credentials is unchanged', () => {
  const text = 'http://127.0.0.1:7302 answers; mail ann@example.com; time 12:30@noon'
  expect(withoutCredentials(text)).toBe(text)
})
