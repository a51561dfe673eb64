/** `./strandline test` itself. */
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { commandLine, findProcessesIn } from '../../core/processes.ts'
import { startCommand } from '../support/strandline.ts'

let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'strandline-test-command-'))
})
afterAll(async () => {
  for (const pid of findProcessesIn(folder)) process.kill(pid, 'SIGKILL')
  await rm(folder, { recursive: true, force: true })
})

test('regression: SIGTERM while tests run leaves no process of theirs, and no file', async () => {
  const args = ['--no-checks', '--project', 'integration', 'test/store/contract']
  const command = startCommand(['test', ...args], { env: { TMPDIR: folder, STRANDLINE_CONTAINERS: 'off' } })
  const engines = () => findProcessesIn(folder).filter((pid) => / -c port=\d/.test(commandLine(pid) ?? ''))
  await expect.poll(engines).toHaveLength(1)
  command.child.kill('SIGTERM')
  expect((await command.ended).code).toBe(130)
  expect(findProcessesIn(folder)).toEqual([])
  expect(await readdir(folder)).toEqual([])
})
