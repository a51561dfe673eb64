/** The rules of biome.json about who may import whom: each one is broken once in a project of its own, and Biome must say so. */
import { spawnSync } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, expect, test } from 'vitest'

const ROOT = fileURLToPath(new URL('..', import.meta.url))
const BIOME = join(dirname(createRequire(import.meta.url).resolve('@biomejs/biome/package.json')), 'bin/biome')

/** What each file imports or reads, and whether that is allowed. */
const IMPORTS: [file: string, imported: string, allowed: boolean][] = [
  ['domain/a.ts', './event.ts', true],
  ['domain/b.ts', '../core/errors.ts', true],
  ['domain/learning/c.ts', '../../core/errors.ts', true],
  ['domain/learning/d.ts', '../closing/rr.ts', true],
  ['domain/e.ts', '../core/logger.ts', false],
  ['domain/learning/f.ts', '../../core/store/store.ts', false],
  ['domain/g.ts', 'node:fs', false],
  ['domain/h.ts', 'kafkajs', false],
  ['domain/closing/i.ts', '../../services/pm/index.ts', false],
  ['core/a.ts', '../domain/event.ts', true],
  ['core/log/b.ts', '../store/store.ts', true],
  ['core/c.ts', '../services/pm/index.ts', false],
  ['core/store/d.ts', '../../embedded/stack.ts', false],
  ['services/pm/a.ts', '../../domain/event.ts', true],
  ['services/pm/sources/b.ts', '../portfolio.ts', true],
  ['services/pm/sources/c.ts', '../../../core/errors.ts', true],
  ['services/pm/d.ts', '../learner/index.ts', false],
  ['services/pm/sources/e.ts', '../../projector/index.ts', false],
  ['services/pm/sources/feather/g.ts', '../../../learner/index.ts', false],
  ['core/f.ts', '../page/deps.ts', false],
  ['services/pm/v.ts', '../../page/deps.ts', false],
  ['page/a.ts', '../replay/explain.ts', true],
  ['page/loop/b.ts', '../../embedded/stack.ts', false],
  ['web/a.ts', '../page/loop/state.ts', true],
  ['web/views/b.ts', '../../cli/shared.ts', false],
  ['simulation/c.ts', '../page/deps.ts', false],
  ['torture/v.ts', '../page/deps.ts', false],
  ['fuzz/c.ts', '../web/api.ts', false],
  ['services/freqtrade/a.ts', '../../core/store/outbox-store.ts', true],
  ['services/freqtrade/b.ts', '../pm/index.ts', false],
  ['services/pm/f.ts', '../freqtrade/index.ts', false],
  ['services/learner/f.ts', '../../embedded/stack.ts', false],
  ['services/learner/g.ts', '../../cli/shared.ts', false],
  ['doctor/a.ts', '../services/audit/audit.ts', true],
  ['doctor/log/b.ts', '../../embedded/kafka.ts', false],
  ['moving/c.ts', '../test/support/pm.ts', false],
  ['replay/a.ts', '../services/learner/learner-store.ts', true],
  ['replay/b.ts', '../cli/shared.ts', false],
  ['services/pm/r.ts', '../../replay/explain.ts', false],
  ['cli/up.ts', '../embedded/stack.ts', true],
  ['cli/demo.ts', '../demo/demo.ts', true],
  ['cli/migrate.ts', '../embedded/stack.ts', false],
  ['cli/audit.ts', '../demo/demo.ts', false],
  ['cli/shared.ts', '../bench/bench.ts', false],
  ['cli/simulate.ts', '../simulation/run-many.ts', true],
  ['cli/lag.ts', '../simulation/run-many.ts', false],
  ['services/pm/h.ts', '../../simulation/world.ts', false],
  ['core/e.ts', '../simulation/world.ts', false],
  ['simulation/a.ts', '../services/pm/index.ts', true],
  ['simulation/log/b.ts', '../../test/support/pm.ts', false],
  ['cli/torture.ts', '../torture/torture.ts', true],
  ['cli/bench.ts', '../torture/torture.ts', false],
  ['cli/doctor.ts', '../torture/torture.ts', false],
  ['services/pm/t.ts', '../../torture/link.ts', false],
  ['embedded/a.ts', '../torture/link.ts', false],
  ['cli/fuzz.ts', '../fuzz/fuzz.ts', true],
  ['cli/fold.ts', '../fuzz/fuzz.ts', false],
  ['services/pm/u.ts', '../../fuzz/dice.ts', false],
  ['fuzz/a.ts', '../embedded/stack.ts', true],
  ['fuzz/records/b.ts', '../../test/support/pm.ts', false],
  ['torture/s.ts', '../embedded/kafka.ts', true],
  ['torture/b.ts', '../demo/demo.ts', false],
  ['torture/oracle/c.ts', '../load/event.ts', true],
  ['torture/oracle/d.ts', '../../domain/learning/sums.ts', false],
  ['torture/oracle/e.ts', '../../core/codec/codec.ts', false],
]

/** Who asks a database, and whether that is allowed. */
const STORE_CALLS: [file: string, text: string, allowed: boolean][] = [
  ['services/pm/call.ts', `export const now = (store: Store) => store.rpc('now', {})`, false],
  ['services/pm/typed-call.ts', `export const now = (store: Store) => store.rpc<number>('now', {})`, false],
  ['core/table.ts', `export const rows = (store: Store) => store.client.from('t').select('*')`, false],
  ['cli/query.ts', `export const rows = (client: Client) => client.query('select 1')`, false],
  ['replay/call.ts', `export const now = (store: Store) => store.rpc('now', {})`, false],
  ['moving/typed-query.ts', `export const rows = (client: Client) => client.query<number>('select 1')`, false],
  ['doctor/driver.ts', `import pg from 'pg'\nexport const client = pg`, false],
  ['doctor/driver-type.ts', `import type pg from 'pg'\nexport type Client = pg.Client`, false],
  ['services/learner/client.ts', `export { createClient } from '@supabase/supabase-js'`, false],
  [
    'services/audit/client.ts',
    `import { createClient } from '@supabase/supabase-js'\nexport const made = createClient`,
    false,
  ],
  ['services/pm/a-store.ts', `export const now = (store: Store) => store.rpc('now', {})`, true],
  ['core/store/b.ts', `export const rows = (client: Client) => client.query('select 1')`, true],
  ['services/pm/array.ts', `export const list = (of: Iterable<number>) => Array.from(of)`, true],
  ['services/pm/buffer.ts', `export const bytes = (of: string) => Buffer.from(of)`, true],
]

const dir = mkdtempSync(join(tmpdir(), 'strandline-rooms-'))
afterAll(() => rmSync(dir, { recursive: true }))

function write(file: string, text: string): void {
  mkdirSync(dirname(join(dir, file)), { recursive: true })
  writeFileSync(join(dir, file), text)
}

/** The files that break a rule, by rule. */
function broken(): Record<string, string[]> {
  const args = ['lint', '--reporter=json', '--max-diagnostics=none', '.']
  const { stdout, stderr } = spawnSync(process.execPath, [BIOME, ...args], { cwd: dir, encoding: 'utf8' })
  const { diagnostics } = JSON.parse(stdout || stderr) as {
    diagnostics: { category: string; location: { path: string } }[]
  }
  const byRule = Object.groupBy(diagnostics, ({ category }) => category)
  return Object.fromEntries(
    Object.entries(byRule).map(([rule, found]) => [rule, found!.map(({ location }) => location.path).sort()]),
  )
}

test('whoever imports what is not theirs, goes in circles, asks for the time where it is not to be asked for, or a database outside of an adapter is named', () => {
  for (const name of ['biome.json', 'lint', '.gitignore'])
    cpSync(join(ROOT, name), join(dir, name), { recursive: true })
  for (const [file, imported] of IMPORTS) write(file, `export * from '${imported}'\n`)
  write('core/circle/a.ts', `import type { B } from './b.ts'\nexport type A = B | 1\n`)
  write('core/circle/b.ts', `import type { A } from './a.ts'\nexport type B = A[]\n`)
  write('domain/clock.ts', 'export const now = () => Date.now()\n')
  write('domain/dice.ts', 'export const roll = () => Math.random()\n')
  write('domain/time.ts', 'export const parsed = (text: string) => Date.parse(text)\n')
  write('core/clock.ts', 'export const now = () => Date.now()\n')
  for (const [file, text] of STORE_CALLS) write(file, `${text}\n`)
  write('core/runner/timer.ts', 'export const later = (f: () => void) => setTimeout(f, 1)\n')
  write('services/learner/ids.ts', "import { randomUUID } from 'node:crypto'\nexport const id = () => randomUUID()\n")
  write('services/pm/elapsed.ts', 'export const elapsed = () => performance.now()\n')
  write('services/learner/uuid.ts', 'export const id = () => crypto.randomUUID()\n')
  write(
    'services/pm/pause.ts',
    "import { setTimeout as sleep } from 'node:timers/promises'\nexport const pause = () => sleep(1)\n",
  )
  write('services/projector/signal.ts', 'export const signal = () => AbortSignal.timeout(1)\n')
  write('simulation/oracle.ts', "export * from '../domain/learning/sums.ts'\n")
  write('simulation/chance.ts', 'export const chance = () => Math.random()\n')
  expect(broken()).toEqual({
    'lint/style/noRestrictedImports': [
      ...IMPORTS.filter(([, , allowed]) => !allowed).map(([file]) => file),
      'simulation/oracle.ts',
    ].sort(),
    'lint/suspicious/noImportCycles': ['core/circle/a.ts', 'core/circle/b.ts'],
    plugin: [
      'core/runner/timer.ts',
      'domain/clock.ts',
      'domain/dice.ts',
      'services/learner/ids.ts',
      'services/learner/uuid.ts',
      'services/pm/elapsed.ts',
      'services/pm/pause.ts',
      'services/projector/signal.ts',
      'simulation/chance.ts',
      ...STORE_CALLS.filter(([, , allowed]) => !allowed).map(([file]) => file),
    ].sort(),
  })
})
