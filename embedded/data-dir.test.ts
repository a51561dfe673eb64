import { existsSync } from 'node:fs'
import { mkdtemp, realpath, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { folderError, openFolder } from './data-dir.ts'

let root: string
beforeEach(async () => {
  root = await realpath(await mkdtemp(join(tmpdir(), 'strandline-data-dir-')))
})
afterEach(() => rm(root, { recursive: true, force: true }))

test('a folder is made with what is missing above it, and one that is there is taken', async () => {
  const folder = join(root, 'a', 'b', 'c')
  expect(await openFolder(folder)).toBe(folder)
  expect(await openFolder(folder)).toBe(folder)
})

test('regression: several that make one folder at the same moment all have it', async () => {
  for (let round = 0; round < 100; round++) {
    const folder = join(root, `r${round}`, 'a', 'b', 'c')
    expect(await Promise.all(Array.from({ length: 4 }, () => openFolder(folder)))).toEqual(Array(4).fill(folder))
  }
})

describe('refused in one sentence:', () => {
  test('a file', async () => {
    const file = join(root, 'file')
    await writeFile(file, '')
    await expect(openFolder(file)).rejects.toMatchObject({
      code: 'FOLDER_UNUSABLE',
      message: `The data folder ${file} cannot be used: it is a file.`,
    })
    await expect(openFolder(join(file, 'x'))).rejects.toMatchObject({
      message: `The data folder ${file}/x cannot be used: a part of the path is a file.`,
    })
  })

  // Node's recursive mkdir never returns from it.
  test.skipIf(!existsSync('/proc/self'))('regression: /proc/foo', async () => {
    await expect(openFolder('/proc/foo')).rejects.toMatchObject({
      code: 'FOLDER_UNUSABLE',
      message: 'The data folder /proc/foo cannot be used: it cannot be made there.',
    })
    await expect(openFolder('/proc/foo/bar')).rejects.toMatchObject({ code: 'FOLDER_UNUSABLE' })
  })
})

test('what a disk says no with later is one sentence, too; other errors stay what they are', () => {
  const full = Object.assign(new Error('ENOSPC'), { code: 'ENOSPC', syscall: 'write' })
  expect(folderError(full, '/data')).toMatchObject({
    code: 'FOLDER_UNUSABLE',
    message: 'The data folder /data cannot be used: there is no space left on the device.',
  })
  const closed = Object.assign(new Error('EACCES'), { code: 'EACCES', syscall: 'open', path: '/data/secrets.json' })
  expect(folderError(closed, '/data')).toMatchObject({
    message: '/data/secrets.json in the data folder /data cannot be used: this user may not read or write it.',
  })
  const other = new TypeError('x is undefined')
  expect(folderError(other, '/data')).toBe(other)
})
