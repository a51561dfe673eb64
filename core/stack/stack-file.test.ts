import { spawn } from 'node:child_process'
import { once } from 'node:events'
import fs, { link, mkdtemp, readdir, readFile, rename, rm, stat, utimes, writeFile } from 'node:fs/promises'
import { syncBuiltinESMExports } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { PATIENT } from '../../test/support/patience.ts'
import { commandLine } from '../processes.ts'
import { clearingFile } from './lock-file.ts'
import { findStack, lockDataDir, type StackDescription, writeStack } from './stack-file.ts'
import { keepTouched } from './touch.ts'

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

/** Loaded a second time: one that has our pid and command line, and has taken what we have not, as in another container on the same volume. */
const COPY = './lock-file.ts?another-container'
const inAnotherContainer = async () => (await import(COPY)) as typeof import('./lock-file.ts')
/** Where nobody lives there is nothing to wait for. */
const HASTY = { touchMs: 1 }
const own = (purpose: string) => JSON.stringify({ pid: process.pid, commandLine: commandLine(process.pid), purpose })

test('a lock of our own pid that is touched is of a live process, in another container', async () => {
  const { takeLock } = await inAnotherContainer()
  const release = await takeLock(join(dir, 'lock'), './strandline up', { touchMs: 5 })
  if (typeof release !== 'function') throw new Error('it was not taken')
  const onWatch = vi.fn()
  await expect(lockDataDir(dir, './strandline demo', { onWatch })).rejects.toMatchObject({
    code: 'STACK_BUSY',
    message: `The data folder ${dir} is in use by ./strandline up (process ${process.pid}, in another container).`,
  })
  expect(onWatch, 'said before the wait').toHaveBeenCalled()
  await release()
  await (await lockDataDir(dir, './strandline demo'))()
  expect(await readdir(dir)).toEqual([])
})

test('regression: a lock of another pid in another container is looked at by its touches, as its pid is nobody here', async () => {
  const child = spawn(process.execPath, ['-e', ''])
  await once(child, 'exit')
  await writeFile(
    join(dir, 'lock'),
    JSON.stringify({ pid: child.pid, purpose: './strandline up', space: 'of another' }),
  )
  const rest = keepTouched(join(dir, 'lock'), 5)
  await expect(lockDataDir(dir, 'demo')).rejects.toMatchObject({
    code: 'STACK_BUSY',
    message: `The data folder ${dir} is in use by ./strandline up (process ${child.pid}, in another container).`,
  })
  rest()
  await (await lockDataDir(dir, 'demo', HASTY))()
  expect(await readdir(dir)).toEqual([])
})

test('regression: who stood still until another took the folder neither touches nor takes away what that one has', async () => {
  const release = await lockDataDir(dir, 'up', { touchMs: 5 })
  const theirs = JSON.stringify({ pid: process.ppid, purpose: 'up', id: 'theirs' })
  await writeFile(join(dir, 'theirs'), theirs)
  await rename(join(dir, 'theirs'), join(dir, 'lock'))
  await writeFile(join(dir, 'stack.json'), '{}')
  await utimes(join(dir, 'lock'), 1, 1)
  const read = vi.spyOn(fs, 'readFile')
  syncBuiltinESMExports()
  await vi.waitFor(() => expect(read.mock.calls.length).toBeGreaterThan(2), PATIENT)
  read.mockRestore()
  syncBuiltinESMExports()
  await release()
  expect(await readFile(join(dir, 'lock'), 'utf8')).toBe(theirs)
  expect((await stat(join(dir, 'lock'))).mtimeMs).toBe(1_000)
  expect(await readdir(dir)).toEqual(['lock', 'stack.json'])
})

test('of many in two containers that find what a third left, one gets it', async () => {
  const { takeLock } = await inAnotherContainer()
  await writeFile(join(dir, 'lock'), own('up'))
  const options = { touchMs: 200 }
  const seekers = Array.from({ length: 5 }, (_, i) => [
    takeLock(join(dir, 'lock'), `there ${i}`, options).then((taken) => typeof taken === 'function'),
    lockDataDir(dir, `here ${i}`, options).then(
      () => true,
      () => false,
    ),
  ])
  expect((await Promise.all(seekers.flat())).filter((got) => got)).toHaveLength(1)
  expect(await readdir(dir)).toEqual(['lock'])
})

test('a lock that is given back while it is watched can be taken', async () => {
  const { takeLock } = await inAnotherContainer()
  const release = await takeLock(join(dir, 'lock'), 'up')
  if (typeof release !== 'function') throw new Error('it was not taken')
  const look = vi.spyOn(fs, 'stat')
  syncBuiltinESMExports()
  try {
    const asked = lockDataDir(dir, 'demo')
    await vi.waitFor(() => expect(look).toHaveBeenCalled(), PATIENT)
    await Promise.all(look.mock.results.map(({ value }) => value))
    await release()
    await (await asked)()
  } finally {
    look.mockRestore()
    syncBuiltinESMExports()
  }
})

test('who only asks for a lock is seen to live: his right to clear it is a link to the same file', async () => {
  await writeFile(join(dir, 'lock'), own('up'))
  const ending = new AbortController()
  const asked = lockDataDir(dir, 'demo', { touchMs: 400, signal: ending.signal })
  const draft = async () => (await readdir(dir)).find((name) => /^lock\.[0-9a-f-]{36}$/.test(name))
  await expect.poll(draft).toBeDefined()
  const right = join(dir, 'right')
  await link(join(dir, (await draft())!), right)
  await utimes(right, 0, 0)
  await expect.poll(async () => (await stat(right)).mtimeMs).toBeGreaterThan(0)
  ending.abort(new Error('seen'))
  await expect(asked).rejects.toThrow('seen')
})

test('who clears a lock in another container is waited for, and one that was killed while it did is not', async () => {
  const child = spawn(process.execPath, ['-e', ''])
  await once(child, 'exit')
  const left = JSON.stringify({ pid: child.pid, purpose: 'up' })
  const right = clearingFile(join(dir, 'lock'), left)
  await writeFile(join(dir, 'lock'), left)
  await writeFile(right, own('./strandline up'))
  const rest = keepTouched(right, 5)
  await expect(lockDataDir(dir, 'demo')).rejects.toMatchObject({
    code: 'STACK_BUSY',
    message: expect.stringContaining('./strandline up'),
  })
  rest()
  await (await lockDataDir(dir, 'demo', HASTY))()
  expect(await readdir(dir)).toEqual([])
})

test('whoever watches a lock can be told to end', async () => {
  await writeFile(join(dir, 'lock'), own('up'))
  const asked = lockDataDir(dir, 'demo', { signal: AbortSignal.abort(new Error('SIGTERM')) })
  await expect(asked).rejects.toThrow('SIGTERM')
  expect(await readdir(dir)).toEqual(['lock'])
})

test('a lock is touched until it is given back', async () => {
  const lock = join(dir, 'lock')
  const timeOf = async (path: string) => (await stat(path)).mtimeMs
  const release = await lockDataDir(dir, 'up', { touchMs: 5 })
  const taken = await timeOf(lock)
  await expect.poll(() => timeOf(lock)).not.toBe(taken)
  await release()
  const [later, other] = [join(dir, 'lock'), join(dir, 'other')]
  for (const path of [later, other]) await writeFile(path, '')
  const [before, begun] = [await timeOf(later), await timeOf(other)]
  const rest = keepTouched(other, 20)
  await expect.poll(() => timeOf(other)).not.toBe(begun)
  rest()
  expect(await timeOf(later)).toBe(before)
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
  await writeFile(join(dir, 'lock'), own('up'))
  await writeStack(dir, stack)
  expect(findStack(dir)).toBeUndefined()
  const release = await lockDataDir(dir, 'up', HASTY)
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
