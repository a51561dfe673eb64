import { expect, test } from 'vitest'
import { judgeKey, judgeProjects } from './key.ts'

const NOW = Date.UTC(2026, 0, 1)
const token = (claims: object) =>
  ['header', Buffer.from(JSON.stringify(claims)).toString('base64url'), 'signature'].join('.')
const URL = 'https://abcdefgh.supabase.co'
const verdicts = (key: string, url = URL) =>
  judgeKey(key, url, NOW)
    .filter((f) => f.severity !== 'info')
    .map((f) => f.what)

test('a service role key says nothing amiss', () => {
  expect(verdicts(token({ role: 'service_role', ref: 'abcdefgh', exp: NOW / 1000 + 60 }))).toEqual([])
  expect(verdicts('sb_secret_abc')).toEqual([])
  expect(verdicts(token({ role: 'service_role', ref: 'abcdefgh' }), 'http://127.0.0.1:54321')).toEqual([])
})

test.each([
  [token({ role: 'anon', ref: 'abcdefgh' }), 'The key is that of the role anon'],
  ['sb_publishable_abc', 'The key is a publishable one'],
  [token({ role: 'service_role', ref: 'zyx' }), 'The key is that of the project zyx, and SUPABASE_URL names abcdefgh'],
  [token({ role: 'service_role', exp: NOW / 1000 - 7_200 }), 'The key has expired, 2 h ago'],
  ['hello', 'The key is neither'],
  ['a.b.c', 'The key is neither'],
])('%s', (key, what) => {
  const [said] = verdicts(key)
  expect(said).toContain(what)
  expect(said).not.toContain(key)
})

test('two settings of two projects', () => {
  const direct = 'postgres://postgres:p@db.abcdefgh.supabase.co:5432/postgres'
  const pooled = 'postgres://postgres.abcdefgh:p@aws-0-eu-central-1.pooler.supabase.com:6543/postgres'
  for (const url of [direct, pooled]) {
    expect(judgeProjects(URL, url)).toEqual([])
    expect(judgeProjects('https://other.supabase.co', url)).toMatchObject([{ severity: 'error', area: 'settings' }])
  }
  expect(judgeProjects('http://127.0.0.1:54321', direct)).toEqual([])
})
