/** The PostgreSQL that the machine has installed, with its pg_dump: the one that comes by npm has none, and pg_dump refuses servers newer than itself. */
import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readdirSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { freePort } from '../../core/ports.ts'
import { withClient } from '../../core/store/client.ts'
import { unprivileged } from '../../embedded/unprivileged.ts'
import { prepareOwnCluster } from '../../services/supabase/api-role.ts'
import { PASSWORD } from '../support/engine-desk.ts'
import { until } from '../support/pm.ts'

const run = promisify(execFile)
const ROOT = '/usr/lib/postgresql'

/** Folder of its programs; undefined: the machine has none. The oldest that Strandline works on is 15. */
export const INSTALLED = (existsSync(ROOT) ? readdirSync(ROOT) : [])
  .filter((version) => Number(version) >= 15)
  .sort((a, b) => Number(a) - Number(b))
  .map((version) => join(ROOT, version, 'bin'))
  .find((bin) => ['initdb', 'postgres', 'pg_dump'].every((program) => existsSync(join(bin, program))))

export interface InstalledPostgres {
  url: string
  /** `pg_dump --schema-only` of a database. */
  dump(databaseUrl: string): Promise<string>
  /** Every line of a whole dump, rows and all, sorted: a row that was written and put back lies elsewhere. */
  rows(databaseUrl: string): Promise<string[]>
  stop(): Promise<void>
}

/** Sorts as a hosted project does, by a language. */
export async function startInstalledPostgres(bin: string): Promise<InstalledPostgres> {
  const dir = await mkdtemp(join(tmpdir(), 'strandline-installed-'))
  const launcher = unprivileged([dir, bin])
  await launcher.own(dir)
  const data = join(dir, 'data')
  const initdb = launcher.spawn(
    join(bin, 'initdb'),
    [
      '-D',
      data,
      '-U',
      'postgres',
      '--auth=trust',
      '--encoding=UTF8',
      '--locale=C',
      '--locale-provider=icu',
      '--icu-locale=en-US',
      '--no-sync',
    ],
    { stdio: 'ignore', cwd: '/' },
  )
  const [code] = await once(initdb, 'close')
  if (code !== 0) throw new Error(`initdb ended with ${code}`)
  const port = await freePort()
  const server = launcher.spawn(
    join(bin, 'postgres'),
    ['-D', data, '-p', String(port), '-k', '', '-c', 'listen_addresses=127.0.0.1', '-c', 'fsync=off'],
    { stdio: 'ignore', cwd: '/' },
  )
  const ended = once(server, 'close')
  async function dump(...args: string[]): Promise<string> {
    const { stdout } = await run(join(bin, 'pg_dump'), args, { maxBuffer: 1 << 28 })
    // Newer ones write a key into it that is another each time.
    return stdout.replaceAll(/^\\(un)?restrict .*$/gm, '')
  }
  const url = `postgres://postgres@127.0.0.1:${port}/postgres`
  await until(
    () =>
      withClient(url, (client) => prepareOwnCluster(client, PASSWORD)).then(
        () => true,
        () => false,
      ),
    Boolean,
  )
  return {
    url,
    dump: (databaseUrl) => dump('--schema-only', databaseUrl),
    rows: async (databaseUrl) => (await dump(databaseUrl)).split('\n').sort(),
    async stop() {
      server.kill('SIGINT')
      await ended
      await rm(dir, { recursive: true, force: true })
    },
  }
}
