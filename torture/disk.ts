/**
 * A disk of its own for an engine, which can be full: a tmpfs that is made as small as what lies on it. Nothing is written for that, so it costs no memory,
 * and a full disk is free again at once.
 */
import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmdirSync, statfsSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { StrandlineError } from '../core/errors.ts'

export interface Disk {
  /** No byte more goes on it. */
  fill(): void
  free(): void
  close(): void
}

const SIZE = 8 * 1024 ** 3
const PAGE = 4096
const ATTEMPTS = 100

const mount = (...args: string[]) => execFileSync('mount', args, { stdio: ['ignore', 'ignore', 'pipe'] })

/** Why there can be none here; nothing where there can. */
export function diskMissing(): string | undefined {
  const folder = mkdtempSync(join(tmpdir(), 'strandline-disk-'))
  try {
    mount('-t', 'tmpfs', 'strandline-disk', folder)
    execFileSync('umount', [folder])
    return undefined
  } catch {
    return 'it takes root on Linux (CAP_SYS_ADMIN) to mount a tmpfs'
  } finally {
    rmdirSync(folder)
  }
}

/** Errors: ENGINE_FAILED. */
export function openDisk(folder: string): Disk {
  mkdirSync(folder, { recursive: true })
  const resize = (bytes: number) => mount('-o', `remount,size=${bytes}`, folder)
  try {
    mount('-t', 'tmpfs', '-o', `size=${SIZE},mode=755`, 'strandline-torture', folder)
  } catch (cause) {
    throw new StrandlineError('ENGINE_FAILED', `No tmpfs could be mounted on ${folder}.`, { cause })
  }
  return {
    fill() {
      for (let attempt = 0; ; attempt++) {
        const { blocks, bfree, bsize } = statfsSync(folder)
        try {
          return void resize((blocks - bfree) * bsize + attempt * PAGE)
        } catch (cause) {
          // what is written meanwhile does not fit any more: the kernel refuses that size
          if (attempt === ATTEMPTS)
            throw new StrandlineError('ENGINE_FAILED', `${folder} could not be filled.`, { cause })
        }
      }
    },
    free: () => resize(SIZE),
    close() {
      try {
        execFileSync('umount', [folder], { stdio: 'ignore' })
      } catch {
        execFileSync('umount', ['--lazy', folder], { stdio: 'ignore' }) // somebody looks at it
      }
    },
  }
}
