/** The file that a strategy of Freqtrade imports, by its own tests: Python's standard library is all that they need. */
import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'

const cwd = fileURLToPath(new URL('../../clients/freqtrade', import.meta.url))
const enough = spawnSync('python3', ['-c', 'import sys; sys.exit(sys.version_info < (3, 11))']).status === 0
if (!enough) process.stderr.write('\n!!! LEFT OUT: the tests of clients/freqtrade; they need python3, 3.11 or later\n')

test.skipIf(!enough)('clients/freqtrade: its Python tests pass', () => {
  const { status, stderr } = spawnSync('python3', ['-B', '-W', 'error', '-m', 'unittest'], { cwd, encoding: 'utf8' })
  expect(stderr).toMatch(/Ran [1-9]\d* tests/)
  expect(status, stderr).toBe(0)
})
