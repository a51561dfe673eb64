/** A disk that is full, on a file system of its own: what the database, Kafka and every log file then make of it is theirs, not a mock's. */
import { execFileSync } from 'node:child_process'
import { closeSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { findStack } from '../../core/stack/stack-file.ts'
import { createPostgrestStore } from '../../core/store/postgrest-store.ts'
import { PATIENCE_MS } from '../support/patience.ts'
import { freeBasePort, type RunningCommand, runCommand, startCommand } from '../support/strandline.ts'

let disk = ''
let ballast = ''
let up: RunningCommand | undefined
let traders: ReturnType<typeof trade> | undefined
let unready: string[] = []
const mounts = mount()
unmount()

// A disk of its own for each attempt, whatever the one before left running.
beforeEach(() => {
  if (mounts) mount()
})
afterEach(async () => {
  rmSync(ballast, { force: true })
  traders?.stop()
  up?.child.kill('SIGTERM')
  await up?.ended
  unmount()
})

function mount(): boolean {
  disk = mkdtempSync(join(tmpdir(), 'strandline-disk-'))
  ballast = join(disk, 'ballast')
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=150m', 'strandline-test', disk], { stdio: 'ignore' })
    return true
  } catch {
    process.stderr.write('NOT TESTED: what a full disk does. It takes root (or CAP_SYS_ADMIN) to mount a tmpfs.\n')
    return false
  }
}

function unmount(): void {
  if (mounts) execFileSync('umount', [disk])
  rmSync(disk, { recursive: true, force: true })
}

function fill(): void {
  const file = openSync(ballast, 'a')
  for (let bytes = 1 << 20; bytes > 0; ) {
    try {
      writeSync(file, Buffer.alloc(bytes))
    } catch (error) {
      expect((error as NodeJS.ErrnoException).code).toBe('ENOSPC')
      bytes >>= 1
    }
  }
  closeSync(file)
}

async function until(what: string, condition: () => boolean | Promise<boolean>): Promise<void> {
  for (const end = Date.now() + PATIENCE_MS; !(await condition()); await sleep(100))
    if (Date.now() > end)
      throw new Error(
        `${what} did not come${unready.length > 0 ? ` (not ready: ${unready.join('; ')})` : ''}; up said: ${up?.stderr()}`,
      )
}

/**
 * Trades through the PM's HTTP side; what is refused is sent again, as an engine does. Some twenty trades a second: PostgreSQL keeps up to a gigabyte of
 * its log, which at full speed would fill the disk without our doing.
 */
function trade(pm: string) {
  let going = true
  let stopped = false
  const counts = { opened: 0, closed: 0, refused: 0 }
  const post = async (path: string, body: object) => {
    while (!stopped) {
      const answer = await fetch(`${pm}${path}`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(body),
        signal: AbortSignal.timeout(20_000),
      }).catch(() => undefined)
      if (answer?.ok) return answer.json()
      counts.refused++
      await sleep(200)
    }
  }
  const running = Array.from({ length: 4 }, async (_, trader) => {
    while (going) {
      const id = `full-${trader}-${counts.opened++}`
      const at = Date.now()
      const when = (ms: number) => new Date(at - ms).toISOString()
      await post('/v1/positions', { id, token_chain: 'base', token_contract: `0x${id}`, timeframe: '1m' })
      const report = (body: object) => post(`/v1/positions/${id}/executions`, body)
      await report({ id: `${id}-in`, kind: 'entry', quantity: 10, price: 1, executed_at: when(60_000) })
      await report({ id: `${id}-out`, kind: 'emergency_exit', size_frac: 1, price: 1.2, executed_at: when(1_000) })
      if (!stopped) counts.closed++
      await sleep(200)
    }
  })
  return {
    counts,
    async finish() {
      going = false
      await Promise.all(running)
    },
    stop() {
      going = false
      stopped = true
    },
  }
}

/** The PM's service was stopped by a log line that could not be written, and its process lived on: nothing was published any more. */
test.skipIf(!mounts)(
  'regression: filled and freed three times, a disk keeps nothing from being published, and nobody starts anything by hand',
  async () => {
    const folder = join(disk, 'data')
    const base = String(await freeBasePort())
    up = startCommand(['up', '--data-dir', folder, '--base-port', base], { env: { LOG_LEVEL: 'debug' } })
    await up.says('All of it is up')
    const { pid, env, services } = findStack(folder)!
    const store = createPostgrestStore({ url: env.SUPABASE_URL!, key: env.SUPABASE_SERVICE_ROLE_KEY! })
    const ready = async () => {
      const asked = await Promise.all(
        Object.entries(services).map(async ([name, url]) => {
          try {
            const answer = await fetch(`${url}/readyz`, { signal: AbortSignal.timeout(5_000) })
            return answer.ok ? '' : `${name}: ${await answer.text()}`
          } catch (error) {
            return `${name}: ${error}`
          }
        }),
      )
      unready = asked.filter(Boolean)
      return unready.length === 0
    }
    /** Kafka's attempts to start on the full disk: the services, too, have had time to fall over it. */
    const failures = () => up!.stderr().split('Kafka did not come back').length
    const returns = () => up!.stderr().split('Kafka is back').length
    const waiting = () => store.rpc<{ depth: number }>('strandline_pm_outbox_state', {}).then((s) => s.depth)

    traders = trade(services.pm!)
    const { counts } = traders
    for (let round = 1; round <= 3; round++) {
      const { closed } = counts
      await until(`round ${round}: a trade`, () => counts.closed > closed + 20)
      fill()
      const { refused } = counts
      const failed = failures()
      await until(
        `round ${round}: a full disk that is felt`,
        () => counts.refused > refused + 20 && failures() > failed,
      )
      const back = returns()
      rmSync(ballast)
      await until(`round ${round}: Kafka`, () => returns() > back)
      await until(`round ${round}: the services`, ready)
      const again = counts.closed
      await until(`round ${round}: a trade after it`, () => counts.closed > again + 20)
    }
    await traders.finish()
    await until('an empty outbox', async () => (await waiting()) === 0)
    await until('everything learned', async () => {
      const audit = await runCommand(['audit', '--json', '--data-dir', folder])
      return audit.code === 0 && JSON.parse(audit.stdout).closed === counts.closed
    })
    expect(findStack(folder)?.pid).toBe(pid)
  },
)
