/** Which stack a command talks to, as a person sees it. */
import { execFile } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { openStack } from '../../cli/shared.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { runningStack } from '../support/running-stack.ts'
import { runCommand, STRANDLINE } from '../support/strandline.ts'

let db: TestDatabase
let other: TestDatabase
let dir: string
let release: () => Promise<void>
beforeAll(async () => {
  ;[db, other] = await Promise.all([createTestDatabase(), createTestDatabase()])
  dir = await mkdtemp(join(tmpdir(), 'strandline-choice-'))
  release = await runningStack(join(dir, 'stack'), envOf(db))
})
afterAll(async () => {
  await release?.()
  await db?.drop()
  await other?.drop()
  await rm(dir, { recursive: true, force: true })
})

const envOf = (d: TestDatabase) => ({
  SUPABASE_URL: d.supabaseUrl,
  SUPABASE_SERVICE_ROLE_KEY: d.key,
  DATABASE_URL: d.databaseUrl,
})
const strandline = (args: string[], env = {}) => runCommand(args, { env, cwd: dir })

test('the first line on standard error names the stack, and no secret', async () => {
  const { code, stderr } = await strandline(['coefficients', '--data-dir', 'stack'])
  expect({ code, stderr }).toEqual({
    code: 0,
    stderr: `Stack: ${join(dir, 'stack')} (running, process ${process.pid})\n`,
  })
  const named = await strandline(['coefficients'], envOf(other))
  expect(named.stderr).toBe(`Stack: Supabase ${other.supabaseUrl} (from the environment)\n`)
  const migrated = await strandline(['migrate', '--data-dir', 'stack'])
  expect(migrated.stderr).toMatch(/^Stack: the database postgres:\/\/127\.0\.0\.1:\d+\/test_\w+\n/)
})

test('regression: exported variables of another stack do not beat --data-dir silently', async () => {
  for (const command of ['coefficients', 'dead-letters', 'migrate']) {
    const { code, stdout, stderr } = await strandline([command, '--data-dir', 'stack'], envOf(other))
    expect({ command, code, stdout }).toEqual({ command, code: 2, stdout: '' })
    expect(stderr).toMatch(/^--data-dir names the stack in .*stack, and .* Drop --data-dir, or unset .*\n$/)
    expect(stderr).not.toContain(other.key)
  }
  expect((await strandline(['coefficients', '--data-dir', 'stack'], envOf(db))).code).toBe(0)
})

test('regression: half an environment is not filled up with the engines of a folder', async () => {
  const { code, stderr } = await strandline(['lag'], envOf(other))
  expect(code).toBe(1)
  expect(stderr).toMatch(/^SUPABASE_URL is set, and KAFKA_BROKERS is not/)
})

test('env prints what points a program at the running stack, on standard output alone', async () => {
  const { code, stdout, stderr } = await strandline(['env', '--data-dir', 'stack', '--json'])
  expect({ code, env: JSON.parse(stdout) }).toEqual({ code: 0, env: envOf(db) })
  expect(stderr).not.toContain(db.key)
  const used = await promisify(execFile)(
    'sh',
    ['-c', `eval "$("${STRANDLINE}" env --data-dir stack 2>/dev/null)"; echo "$DATABASE_URL"`],
    { cwd: dir },
  )
  expect(used.stdout).toBe(`${db.databaseUrl}\n`)
  expect((await strandline(['env', '--data-dir', 'none'])).stderr).toMatch(/^No stack runs in .*none\. Start it/)
})

test('what talks to no stack names none', async () => {
  expect((await strandline(['fold', '-', '--json'])).stderr).toBe('')
})

test('regression: a topic that somebody sets beside a running stack has dead letters of its own, and not that one’s', async () => {
  const dataDir = join(dir, 'named')
  const end = await runningStack(dataDir, {
    ...envOf(db),
    STRANDLINE_TOPIC: 'theirs',
    STRANDLINE_DEAD_LETTER_TOPIC: 'letters',
  })
  const topics = async (env: Record<string, string>) => {
    for (const [name, value] of Object.entries(env)) vi.stubEnv(name, value)
    const stack = await openStack({ dataDir })
    const { topic, deadLetterTopic } = stack.loop
    await stack.close()
    vi.unstubAllEnvs()
    return [topic, deadLetterTopic]
  }
  expect(await topics({})).toEqual(['theirs', 'letters'])
  expect(await topics({ STRANDLINE_TOPIC: 'mine' })).toEqual(['mine', 'mine.dead-letter'])
  expect(await topics({ STRANDLINE_DEAD_LETTER_TOPIC: 'mine' })).toEqual(['theirs', 'mine'])
  await end()
})
