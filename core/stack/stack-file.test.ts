import { spawn } from 'node:child_process'
import { once } from 'node:events'
import fs, { mkdtemp, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { syncBuiltinESMExports } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { commandLine } from '../processes.ts'
import { clearingFile } from './lock-file.ts'
import { findStack, lockDataDir, type StackDescription, writeStack } from './stack-file.ts'

let dir: string
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'strandline-lock-'))
})
afterEach(() => rm(dir, { recursive: true, force: true }))

const stack: StackDescription = {
  pid: process.pid,
  started_at: '2026-01-01T00:00:00Z',
  env: { KAFKA_BROKERS: 'a:1' },
  services: {},
  pids: {},
}

test('a second owner is told who has the folder', async () => {
  const release = await lockDataDir(dir, './strandline up')
  await expect(lockDataDir(dir, './strandline demo')).rejects.toMatchObject({
    code: 'STACK_BUSY',
    message: `The data folder ${dir} is in use by ./strandline up (process ${process.pid}).`,
    todo: expect.stringContaining('--data-dir'),
  })
  await release()
  await (await lockDataDir(dir, './strandline demo'))()
  expect(await readdir(dir)).toEqual([])
})

test('of many that ask at once, one gets it', async () => {
  const asked = await Promise.allSettled(Array.from({ length: 20 }, () => lockDataDir(dir, 'x')))
  expect(asked.filter((a) => a.status === 'fulfilled')).toHaveLength(1)
})

test('of many that find what a killed process left, one gets it', async () => {
  const child = spawn(process.execPath, ['-e', ''])
  await once(child, 'exit')
  for (let round = 0; round < 30; round++) {
    await writeFile(join(dir, 'lock'), JSON.stringify({ pid: child.pid, purpose: `up ${round}` }))
    const asked = await Promise.allSettled(Array.from({ length: 20 }, () => lockDataDir(dir, 'x')))
    const got = asked.filter((a) => a.status === 'fulfilled')
    expect(got).toHaveLength(1)
    for (const { reason } of asked.filter((a) => a.status === 'rejected'))
      expect(reason).toMatchObject({ code: 'STACK_BUSY' })
    await got[0]!.value()
    expect(await readdir(dir)).toEqual([])
  }
})

test('one that was killed while it cleared the folder keeps nobody out', async () => {
  const child = spawn(process.execPath, ['-e', ''])
  await once(child, 'exit')
  const left = JSON.stringify({ pid: child.pid, purpose: 'up' })
  await writeFile(join(dir, 'lock'), left)
  await writeFile(clearingFile(join(dir, 'lock'), left), JSON.stringify({ pid: child.pid, purpose: 'up again' }))
  await (await lockDataDir(dir, 'up'))()
  expect(await readdir(dir)).toEqual([])
})

test('a lock that an earlier version takes away while we clear it is clear', async () => {
  const lock = join(dir, 'lock')
  const left = JSON.stringify({ pid: process.ppid, commandLine: 'node cli/main.ts up', purpose: 'up' })
  await writeFile(lock, left)
  const { rm: remove } = fs
  const spy = vi.spyOn(fs, 'rm').mockImplementation(async (path, options) => {
    if (path === lock && (await readFile(lock, 'utf8').catch(() => '')) === left) await rename(lock, `${lock}.theirs`)
    return remove(path, options)
  })
  syncBuiltinESMExports()
  try {
    await (await lockDataDir(dir, 'up'))()
  } finally {
    spy.mockRestore()
    syncBuiltinESMExports()
  }
  expect(await readdir(dir)).toEqual(['lock.theirs'])
})

test('a lock of our own pid that we did not take was left by a container’s process before us, and so was its stack', async () => {
  const owner = { pid: process.pid, commandLine: commandLine(process.pid), purpose: 'up' }
  await writeFile(join(dir, 'lock'), JSON.stringify(owner))
  await writeStack(dir, stack)
  expect(findStack(dir)).toBeUndefined()
  const release = await lockDataDir(dir, 'up')
  expect(findStack(dir)).toBeUndefined()
  await release()
})

test('a running stack is found, and its file says nothing once it is gone', async () => {
  expect(findStack(dir)).toBeUndefined()
  const release = await lockDataDir(dir, 'up')
  expect(findStack(dir)).toBeUndefined()
  await writeStack(dir, stack)
  expect(findStack(dir)).toEqual(stack)
  await release()
  expect(findStack(dir)).toBeUndefined()
})

test('what a killed process left is neither a lock nor a stack', async () => {
  const child = spawn(process.execPath, ['-e', ''])
  await once(child, 'exit')
  await writeFile(join(dir, 'lock'), JSON.stringify({ pid: child.pid, purpose: 'up' }))
  await writeStack(dir, { ...stack, pid: child.pid! })
  expect(findStack(dir)).toBeUndefined()
  await (await lockDataDir(dir, 'up'))()
})

test('a pid that belongs to another program by now is not the owner', async () => {
  await writeFile(
    join(dir, 'lock'),
    JSON.stringify({ pid: process.ppid, commandLine: 'node cli/main.ts up', purpose: 'up' }),
  )
  await (await lockDataDir(dir, 'up'))()
})
