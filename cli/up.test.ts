import { expect, test } from 'vitest'
import { exportsText } from './env.ts'
import { summary } from './up.ts'

const env = {
  SUPABASE_URL: 'http://127.0.0.1:7313',
  SUPABASE_SERVICE_ROLE_KEY: 'sb_secret_hidden',
  DATABASE_URL: 'postgres://postgres:hidden@127.0.0.1:7314/postgres',
}

test('regression: what `up` says when all is up has no key and no password, and says how to get them', () => {
  const text = summary('/srv/stack', env)
  expect(text).not.toContain('hidden')
  expect(text).toContain(`eval "$(./strandline env --data-dir '/srv/stack')"`)
})

test('exports survive any value', () => {
  expect(exportsText({ A: `it's "$(rm)"` })).toBe(`export A='it'\\''s "$(rm)"'`)
})
