/**
 * docs/migrating.md, as it stands there: its commands are run in their order, what they print is compared with what the page says one should see, and old readers and
 * writers are asked before, during and after.
 */
import { spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { mkdtemp, rm, symlink } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { findStack } from '../../core/stack/stack-file.ts'
import { withClient } from '../../core/store/client.ts'
import { apiUrl } from '../../embedded/database.ts'
import { type Supabase, startSupabase } from '../../services/supabase/index.ts'
import { PASSWORD } from '../support/engine-desk.ts'
import { PATIENCE_MS } from '../support/patience.ts'
import { hasPsql } from '../support/programs.ts'
import { freeBasePort, type Outcome, type RunningCommand, STRANDLINE, startCommand } from '../support/strandline.ts'
import { createOldDatabase, type OldDatabase } from './old-database.ts'
import { schemaOf } from './schema-of.ts'
import { ask, kindOf, statementsOf } from './statements.ts'

const PAGE = readFileSync(new URL('../../docs/migrating.md', import.meta.url), 'utf8')

type Part =
  | { kind: 'run' | 'until' | 'terminal'; commands: string; sees: string[]; step: string }
  | { kind: 'end'; step: string }

/** The page's blocks: ```sh is run, ```sh until again and again until one sees what one should, ```sh terminal beside it all, ```sh example not. */
function partsOf(page: string): Part[] {
  const parts: Part[] = []
  let step = ''
  for (const [, heading, end, info, body] of page.matchAll(
    /^## (.*)$|^<!-- (the terminal ends) -->$|^```(\S.*)\n([\s\S]*?)^```$/gm,
  )) {
    if (heading) step = heading
    else if (end) parts.push({ kind: 'end', step })
    else if (info === 'text') {
      const last = parts.at(-1)
      if (!last || last.kind === 'end') throw new Error(`${step}: a text that no command goes before`)
      last.sees = body!.split('\n').filter((line) => line.trim() !== '')
    } else if (info !== 'sh example') {
      const kind = ({ sh: 'run', 'sh until': 'until', 'sh terminal': 'terminal' } as const)[info!]
      if (!kind) throw new Error(`${step}: what is a block of ${info}?`)
      parts.push({ kind, commands: body!, sees: [], step })
    }
  }
  return parts
}

/** Lines that one should see and does not; … stands for anything. */
function unseen(sees: string[], { stdout, stderr }: Outcome): string[] {
  const lines = `${stderr}\n${stdout}`.split('\n').map((line) => line.trim())
  return sees.filter((line) => {
    const pattern = line
      .trim()
      .split('…')
      .map((text) => text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'))
    return !lines.some((seen) => new RegExp(`^${pattern.join('.*')}$`).test(seen))
  })
}

test('the page has every step, and each says what one should see', () => {
  const parts = partsOf(PAGE)
  const commands = parts.map((p) => (p.kind === 'end' ? '' : p.commands)).join('')
  for (const command of [
    'doctor',
    'migrate --dry-run',
    'migrate\n',
    'up\n',
    'backfill\n',
    'audit',
    'compare-legacy',
    'switch --yes',
    'undo --switch-only',
    'undo --yes',
  ])
    expect(commands).toContain(`./strandline ${command}`)
  for (const part of parts)
    if (part.kind === 'run') expect({ ...part, seen: part.sees.length > 0 }).toMatchObject({ seen: true })
})

/** No command of the page looks at the type of ids; that each type moves in, and out again, is tried part by part (test/moving, adoption). */
describe.skipIf(!hasPsql)('a project', () => {
  let old: OldDatabase
  let endpoint: Supabase
  let dir: string
  let up: RunningCommand | undefined
  let env: Record<string, string>
  let schema: string[]
  beforeAll(async () => {
    old = await createOldDatabase('uuid', { plainOwner: true })
    schema = await schemaOf(old.databaseUrl)
    const key = `sb_secret_${randomBytes(16).toString('hex')}`
    endpoint = await startSupabase({
      databaseUrl: apiUrl(old.databaseUrl, PASSWORD),
      port: 0,
      serviceRoleKey: key,
      poolSize: 16,
    })
    env = { SUPABASE_URL: endpoint.url, SUPABASE_SERVICE_ROLE_KEY: key, DATABASE_URL: old.databaseUrl }
    dir = await mkdtemp(join(tmpdir(), 'strandline-moving-'))
    await symlink(STRANDLINE, join(dir, 'strandline'))
  })
  afterAll(async () => {
    await end()
    await endpoint?.stop()
    await old?.drop()
    if (dir) await rm(dir, { recursive: true, force: true })
  })

  async function end(): Promise<void> {
    up?.child.kill('SIGINT')
    await up?.ended
    up = undefined
  }

  async function shell(commands: string): Promise<Outcome> {
    const { KAFKA_BROKERS, SCHEMA_REGISTRY_URL, LOG_LEVEL, ...rest } = process.env
    const child = spawn('sh', ['-e', '-c', commands], {
      cwd: dir,
      env: { ...rest, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    const said = { stdout: '', stderr: '' }
    child.stdout.on('data', (chunk) => {
      said.stdout += chunk
    })
    child.stderr.on('data', (chunk) => {
      said.stderr += chunk
    })
    const [code] = await once(child, 'close')
    return { code, ...said }
  }

  /** Readers and writers of the old system, each as its role. */
  async function nothingChanged(step: string): Promise<void> {
    const [said, found]: Record<string, string>[] = [{}, {}]
    await withClient(old.databaseUrl, async (client) => {
      for (const statement of statementsOf(old.variant)) {
        const of = `${statement.name} (${statement.role})`
        said![of] = statement.answers
        found![of] = kindOf(await ask(client, statement))
      }
    })
    expect({ step, found }).toEqual({ step, found: said })
  }

  async function follow(part: Exclude<Part, { kind: 'end' }>): Promise<void> {
    if (part.kind === 'terminal') {
      const base = await freeBasePort()
      const [, ...args] = part.commands.trim().split(/\s+/)
      up = startCommand([...args, '--base-port', String(base)], { env, cwd: dir })
      let ended = false
      void up.ended.then(() => {
        ended = true
      })
      for (const until = Date.now() + PATIENCE_MS; !findStack(join(dir, '.strandline'))?.services.pm; await sleep(100))
        if (ended || Date.now() > until) throw new Error(`${part.step}: ${up.stderr()}`)
      return
    }
    for (const until = Date.now() + PATIENCE_MS; ; await sleep(500)) {
      const outcome = await shell(part.commands)
      const missing = unseen(part.sees, outcome)
      if (outcome.code === 0 && missing.length === 0) return
      if (part.kind === 'until' && Date.now() < until) continue
      expect({ step: part.step, code: outcome.code, missing, outcome }).toMatchObject({ code: 0, missing: [] })
    }
  }

  test('the afternoon, and back', async () => {
    await nothingChanged('before')
    for (const part of partsOf(PAGE)) {
      if (part.kind === 'end') {
        await end()
        continue
      }
      const name = `${part.step}: ${part.commands}`
      await Promise.all([follow(part), nothingChanged(`while ${name}`)])
      await nothingChanged(`after ${name}`)
    }
    expect(await schemaOf(old.databaseUrl)).toEqual(schema)
  })
})
