/** The simulation finds what it is there for: with a guard taken out, a schedule fails. All of them, with how many: docs/simulation.md. */
import { afterEach, expect, test, vi } from 'vitest'
import { simulate } from './simulate.ts'

const out = vi.hoisted(() => ({ fence: false, wentBack: false, ledger: false }))
afterEach(() => Object.assign(out, { fence: false, wentBack: false, ledger: false }))

vi.mock('../core/store/memory/checkpoints.ts', async (original) => {
  const real = await original<typeof import('../core/store/memory/checkpoints.ts')>()
  const fence: typeof real.fence = (...of) => (out.fence ? 'ok' : real.fence(...of))
  return { ...real, fence }
})

vi.mock('../core/runner/checkpoints.ts', async (original) => {
  const real = await original<typeof import('../core/runner/checkpoints.ts')>()
  const wentBack: typeof real.wentBack = (...of) => !out.wentBack && real.wentBack(...of)
  return { ...real, wentBack }
})

/** The ledger knows no trade. */
vi.mock('../core/store/memory/learned.ts', async (original) => {
  const real = await original<typeof import('../core/store/memory/learned.ts')>()
  const learnedTables: typeof real.learnedTables = (db) => {
    const tables = real.learnedTables(db)
    return out.ledger ? { ...tables, ledger: { ...tables.ledger, get: () => undefined } } : tables
  }
  return { ...real, learnedTables }
})

/** So many schedules find it at the latest. */
const MOST = 100

test.each(['fence', 'wentBack', 'ledger'] as const)(
  'with the guard %s taken out a schedule fails: this test can fail',
  { timeout: 600_000 },
  async (guard) => {
    let seed = 0
    out[guard] = true
    while (seed < MOST && (await simulate(++seed)).failures.length === 0);
    expect(seed).toBeLessThan(MOST)
    out[guard] = false
    expect((await simulate(seed)).failures).toEqual([])
  },
)
