/** A real pgbouncer in transaction mode: each transaction may get another connection to the server. */
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { freePort } from '../../core/ports.ts'
import { withClient } from '../../core/store/client.ts'
import { unprivileged } from '../../embedded/unprivileged.ts'
import { PATIENCE_MS } from '../support/patience.ts'

export interface Pooler {
  /** The same database, user and password, through the pooler. */
  url: string
  stop(): Promise<void>
}

/** `tls`: PEM texts; it takes encrypted connections only. */
export async function startPgbouncer(
  databaseUrl: string,
  { tls }: { tls?: { key: string; certificate: string } } = {},
): Promise<Pooler> {
  const { hostname, port, username, password, pathname } = new URL(databaseUrl)
  const own = await freePort()
  const dir = await mkdtemp(join(tmpdir(), 'strandline-pooler-'))
  const launcher = unprivileged([dir])
  const write = async (name: string, text: string) => {
    await writeFile(join(dir, name), text, { mode: 0o600 })
    await launcher.own(join(dir, name))
    return join(dir, name)
  }
  await launcher.own(dir)
  const users = await write('users.txt', `"${username}" "${decodeURIComponent(password)}"\n`)
  const encryption = tls
    ? `client_tls_sslmode = require
client_tls_key_file = ${await write('tls.key', tls.key)}
client_tls_cert_file = ${await write('tls.pem', tls.certificate)}
`
    : ''
  const config = await write(
    'pgbouncer.ini',
    `[databases]
* = host=${hostname} port=${port}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = ${own}
unix_socket_dir =
auth_type = scram-sha-256
auth_file = ${users}
pool_mode = transaction
default_pool_size = 3
server_reset_query_always = 0
${encryption}`,
  )
  const child = launcher.spawn('pgbouncer', [config], { stdio: 'ignore', cwd: '/' })
  const ended = once(child, 'exit')
  const url = `postgres://${username}:${password}@127.0.0.1:${own}${pathname}`
  for (const end = Date.now() + PATIENCE_MS; ; ) {
    const up = await withClient(tls ? `${url}?sslmode=no-verify` : url, (client) => client.query('select 1')).catch(
      (error) => error,
    )
    if (!(up instanceof Error)) break
    if (child.exitCode !== null || Date.now() > end) throw up
    await sleep(100)
  }
  return {
    url,
    async stop() {
      child.kill('SIGINT')
      await ended
      await rm(dir, { recursive: true, force: true })
    },
  }
}
