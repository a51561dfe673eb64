import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test, vi } from 'vitest'
import { PATIENT } from '../test/support/patience.ts'
import { aheadBy, clockEnvironment, findFaketime } from './clock.ts'

const library = findFaketime()
if (!library)
  process.stderr.write('NOT TESTED: clocks ahead. They take libfaketime (Debian: apt-get install faketime).\n')

const MINUTE_MS = 60_000

test.skipIf(!library)(
  'a process has the clock that its file says, and follows it when it jumps; its timers go on',
  async () => {
    const folder = mkdtempSync(join(tmpdir(), 'strandline-clock-'))
    const file = join(folder, 'clock')
    writeFileSync(file, aheadBy(600))
    const child = spawn(process.execPath, ['-e', 'setInterval(() => console.log(Date.now()), 50)'], {
      env: { ...process.env, ...clockEnvironment(library!, file) },
    })
    try {
      let ahead: number | undefined
      child.stdout.on('data', (text) => {
        ahead = Number(String(text).trim().split('\n').at(-1)) - Date.now()
      })
      const reads = (minutes: number) => vi.waitFor(() => expect(ahead! / MINUTE_MS).toBeCloseTo(minutes, 0), PATIENT)
      await reads(10)
      writeFileSync(file, aheadBy(3_600))
      await reads(60)
      writeFileSync(file, aheadBy(0))
      await reads(0)
    } finally {
      child.kill('SIGKILL')
      rmSync(folder, { recursive: true })
    }
  },
)
