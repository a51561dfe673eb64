import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { diskMissing, openDisk } from './disk.ts'

const missing = diskMissing()
if (missing) process.stderr.write(`NOT TESTED: a disk that can be full: ${missing}.\n`)

test.skipIf(missing)('a disk that is filled takes nothing more, keeps what it has, and is free again at once', () => {
  const folder = mkdtempSync(join(tmpdir(), 'strandline-disk-'))
  const disk = openDisk(folder)
  try {
    const write = (name: string) => writeFileSync(join(folder, name), Buffer.alloc(100_000, 1))
    write('a')
    disk.fill()
    expect(() => write('b')).toThrow('ENOSPC')
    expect(() => writeFileSync(join(folder, 'a'), Buffer.alloc(8_192, 2), { flag: 'a' })).toThrow('ENOSPC')
    disk.free()
    write('c')
  } finally {
    disk.close()
    rmSync(folder, { recursive: true })
  }
})
