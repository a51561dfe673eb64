/**
 * PostgreSQL refuses to run as root. Started by root (a container, a CI machine) it runs as the system user `postgres`, made when absent.
 * Root's own folders (/root, `mktemp -d`) are closed to that user; then `setpriv` lends the process the one capability that lets it walk through them.
 */
import { execFileSync, type SpawnOptions, spawn } from 'node:child_process'
import { accessSync, constants, readFileSync, statSync } from 'node:fs'
import { chown } from 'node:fs/promises'
import { dirname } from 'node:path'
import { StrandlineError } from '../core/errors.ts'

export interface Launcher {
  /** Gives a file or folder to the user that the program will run as. */
  own(path: string): Promise<void>
  /** The program and its arguments as they must be spawned. */
  spawn(program: string, args: string[], options: SpawnOptions): ReturnType<typeof spawn>
}

/** A launcher for programs that must not be root and that need to get at `paths`. */
export function unprivileged(paths: string[]): Launcher {
  if (process.getuid?.() !== 0)
    return { own: async () => {}, spawn: (program, args, options) => spawn(program, args, options) }
  const { uid, gid } = postgresUser()
  const closed = paths.flatMap(ancestors).find((dir) => !mayEnter(dir, uid, gid))
  return {
    own: (path) => chown(path, uid, gid),
    spawn(program, args, options) {
      if (!closed) return spawn(program, args, { ...options, uid, gid })
      return spawn('setpriv', [...lendCapability(closed, uid, gid), program, ...args], options)
    },
  }
}

function postgresUser(): { uid: number; gid: number } {
  const id = (flag: string) =>
    Number(execFileSync('id', [flag, 'postgres'], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }))
  try {
    return { uid: id('-u'), gid: id('-g') }
  } catch {
    try {
      execFileSync(
        'useradd',
        ['--system', '--user-group', '--no-create-home', '--shell', '/usr/sbin/nologin', 'postgres'],
        { stdio: 'ignore' },
      )
      return { uid: id('-u'), gid: id('-g') }
    } catch (cause) {
      throw new StrandlineError(
        'ENGINE_FAILED',
        'PostgreSQL does not run as root, and no user postgres could be made for it.',
        {
          todo: 'Make one (useradd --system postgres), or run this as another user.',
          cause,
        },
      )
    }
  }
}

function ancestors(path: string): string[] {
  const up = dirname(path)
  return up === path ? [path] : [...ancestors(up), path]
}

function mayEnter(dir: string, uid: number, gid: number): boolean {
  const s = statSync(dir, { throwIfNoEntry: false })
  if (!s?.isDirectory()) return true
  const bit = s.uid === uid ? 0o100 : s.gid === gid ? 0o010 : 0o001
  return (s.mode & bit) !== 0
}

function lendCapability(closed: string, uid: number, gid: number): string[] {
  // Bits of include/uapi/linux/capability.h. Docker grants the second by default, not the first.
  const effective = BigInt(`0x${/^CapEff:\s*([0-9a-f]+)/m.exec(read('/proc/self/status'))?.[1] ?? '0'}`)
  const capability = effective & (1n << 2n) ? 'dac_read_search' : effective & (1n << 1n) ? 'dac_override' : undefined
  if (!capability || !hasSetpriv())
    throw new StrandlineError(
      'ENGINE_FAILED',
      `PostgreSQL does not run as root, and its user postgres may not enter ${closed}.`,
      {
        todo: `Allow it (chmod o+x ${closed}), put project and --data-dir elsewhere, or run this as another user.`,
      },
    )
  // no_setuid_fixup: otherwise access(2), which initdb asks first, leaves the capability out.
  return [
    `--reuid=${uid}`,
    `--regid=${gid}`,
    '--init-groups',
    '--securebits=+no_setuid_fixup',
    `--inh-caps=+${capability}`,
    `--ambient-caps=+${capability}`,
  ]
}

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return ''
  }
}

function hasSetpriv(): boolean {
  return (process.env.PATH ?? '').split(':').some((dir) => {
    try {
      accessSync(`${dir}/setpriv`, constants.X_OK)
      return true
    } catch {
      return false
    }
  })
}
