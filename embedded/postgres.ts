/** A real PostgreSQL in a folder, on the loopback interface, as a child process. Survives `kill -9` of itself and of its parent. */
import { once } from 'node:events'
import { mkdir, readFile, realpath, rename, rm, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'
import { StrandlineError } from '../core/errors.ts'
import type { Logger } from '../core/logger.ts'
import { isPortFree, portTaken } from '../core/ports.ts'
import { findProcesses, isAlive, type StopStep, stopOrphan, stopProcess } from '../core/processes.ts'
import { createTeller } from '../core/teller.ts'
import { postgresCondition } from './engine-health.ts'
import { lastLines, openLogFile } from './log-file.ts'
import { postgresBinaries } from './postgres-binaries.ts'
import { postgresSettings } from './postgres-settings.ts'
import { type Launcher, unprivileged } from './unprivileged.ts'
import type { Condition } from './wellness.ts'

export interface PostgresOptions {
  /** The cluster's folder, made when absent. */
  dataDir: string
  port: number
  /** Of the superuser `postgres`; set when the cluster is made. */
  password: string
  logFile: string
  /** Over the defaults of postgres-settings.ts, e.g. { fsync: 'off' } in tests. */
  settings?: Record<string, string>
  /** The flag that a person changes the port with, for messages. */
  portFlag?: string
  logger: Logger
  /** Hears what a start that takes long waits for. */
  say?(sentence: string): void
  /** Gives the start up; nothing is left running then. */
  signal?: AbortSignal
}

export interface Postgres {
  port: number
  pid: number
  /** postgres:// URL of a database, as the superuser. */
  url(database?: string): string
  /** Rejects never; resolves when the server process is gone, wanted or not. */
  exited: Promise<void>
  stop(): Promise<void>
  check(): Promise<Condition>
}

/** SIGINT: roll back what runs and shut down (fast); SIGQUIT: at once, recovery at the next start (immediate). */
const STOP: StopStep[] = [
  ['SIGINT', 20_000],
  ['SIGQUIT', 5_000],
  ['SIGKILL', 5_000],
]

export async function startPostgres(options: PostgresOptions): Promise<Postgres> {
  const { port, password, logFile, logger, portFlag = '--base-port', say, signal } = options
  const binaries = await postgresBinaries()
  await mkdir(dirname(options.dataDir), { recursive: true })
  const dataDir = join(await realpath(dirname(options.dataDir)), options.dataDir.split('/').at(-1)!)
  const launcher = unprivileged([dataDir, binaries.postgres])

  const orphan = await stopOrphan(join(dataDir, 'postmaster.pid'), `-D ${dataDir}`, STOP)
  if (orphan) logger.warn({ pid: orphan }, 'stopped a PostgreSQL that an earlier run left behind')
  signal?.throwIfAborted()
  await initialise(dataDir, password, binaries.initdb, launcher, options.settings?.fsync !== 'off', signal)
  signal?.throwIfAborted()
  if (!(await isPortFree(port))) throw portTaken(port, 'PostgreSQL', portFlag)

  const settings = { ...postgresSettings(), ...options.settings, port: String(port) }
  const args = ['-D', dataDir, ...Object.entries(settings).flatMap(([k, v]) => ['-c', `${k}=${v}`])]
  const url = (database = 'postgres') =>
    `postgres://postgres:${encodeURIComponent(password)}@127.0.0.1:${port}/${database}`

  // Backends of a postmaster that was killed may hold its shared memory for a moment: then it says so and ends, and is started again.
  for (let attempt = 1; ; attempt++) {
    const log = await openLogFile(logFile)
    const mark = (await log.stat()).size
    // Detached: Ctrl-C in the terminal reaches our process, which stops the database last.
    const child = launcher.spawn(binaries.postgres, args, {
      stdio: ['ignore', log.fd, log.fd],
      detached: true,
      cwd: '/',
    })
    const exited = once(child, 'exit').then(
      () => {},
      () => {},
    )
    await log.close()
    const pid = child.pid
    const waiting = createTeller(
      say,
      async () => `PostgreSQL has not started yet: ${(await lastLines(logFile, 1)) || 'it has said nothing.'}`,
    )
    if (pid !== undefined && (await ready(url(), pid, waiting, signal))) {
      logger.debug({ port, pid }, 'PostgreSQL is up')
      return {
        port,
        pid,
        url,
        exited,
        check: () => postgresCondition(url()),
        async stop() {
          if (!(await stopProcess(pid, STOP)))
            throw new StrandlineError('ENGINE_FAILED', `PostgreSQL (process ${pid}) does not stop.`, {
              todo: `See ${logFile}.`,
            })
        },
      }
    }
    signal?.throwIfAborted()
    await exited
    const said = (await readFile(logFile)).subarray(mark).toString()
    if (/shared memory block .* is still in use|lock file .* already exists/.test(said) && attempt < 50) {
      await sleep(200)
      continue
    }
    if (/Address already in use/.test(said)) throw portTaken(port, 'PostgreSQL', portFlag)
    if (/No space left on device/.test(said))
      throw new StrandlineError('ENGINE_FAILED', 'PostgreSQL did not start: there is no space left on the device.', {
        todo: `Make room for ${dataDir}.`,
      })
    const why = await lastLines(logFile, 2, /FATAL|PANIC|error|HINT/)
    throw new StrandlineError('ENGINE_FAILED', `PostgreSQL did not start: ${why}.`, { todo: `See ${logFile}.` })
  }
}

/** Makes the cluster beside its place and then moves it there: an interrupted initdb leaves nothing half made. */
async function initialise(
  dataDir: string,
  password: string,
  initdb: string,
  launcher: Launcher,
  durable: boolean,
  signal: AbortSignal | undefined,
): Promise<void> {
  const version = await readFile(join(dataDir, 'PG_VERSION'), 'utf8').catch(() => undefined)
  if (version !== undefined) {
    if (version.trim() === '18') return
    throw new StrandlineError(
      'ENGINE_FAILED',
      `${dataDir} holds data of PostgreSQL ${version.trim()}; this is PostgreSQL 18.`,
      { todo: 'Use another --data-dir.' },
    )
  }
  const draft = `${dataDir}.initialising`
  // An initdb whose parent was killed goes on, and would fill what is emptied here.
  for (const pid of findProcesses(`-D ${draft}`)) await stopProcess(pid, STOP)
  await rm(draft, { recursive: true, force: true, maxRetries: 20 })
  await mkdir(draft, { recursive: true, mode: 0o700 })
  await launcher.own(draft)
  const passwordFile = `${draft}.password`
  await writeFile(passwordFile, `${password}\n`, { mode: 0o600 })
  await launcher.own(passwordFile)
  try {
    const args = ['-D', draft, '-U', 'postgres', `--pwfile=${passwordFile}`, '--auth=scram-sha-256', '--encoding=UTF8']
    if (!durable) args.push('--no-sync')
    // The builtin provider sorts alike on every machine, whatever locales it has.
    args.push('--locale-provider=builtin', '--builtin-locale=C.UTF-8', '--locale=C')
    const child = launcher.spawn(initdb, args, { stdio: ['ignore', 'ignore', 'pipe'], cwd: '/', signal })
    child.on('error', () => {}) // told to end: the code below says so
    let said = ''
    child.stderr?.on('data', (chunk) => {
      said += chunk
    })
    const code = await new Promise((resolve) => child.once('close', resolve))
    signal?.throwIfAborted()
    if (code !== 0)
      throw new StrandlineError(
        'ENGINE_FAILED',
        `PostgreSQL's data folder ${dataDir} could not be made: ${telling(said)}.`,
      )
  } finally {
    await rm(passwordFile, { force: true })
  }
  await rm(dataDir, { recursive: true, force: true })
  await rename(draft, dataDir)
}

/** What initdb failed at: its own last words are of its clean-up. */
function telling(said: string): string {
  const lines = said.trim().split('\n')
  return lines.find((line) => /FATAL|PANIC|error|could not|No space/.test(line)) ?? lines.slice(-2).join(' ')
}

/** True once it answers a query, false when it ended instead. Recovery after a crash may take long: no deadline while the process lives. */
async function ready(
  url: string,
  pid: number,
  waiting: () => Promise<void>,
  signal: AbortSignal | undefined,
): Promise<boolean> {
  for (;;) {
    if (signal?.aborted) {
      await stopProcess(pid, STOP)
      return false
    }
    await waiting()
    const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 2_000 })
    client.on('error', () => {})
    try {
      await client.connect()
      await client.query('select 1')
      return isAlive(pid)
    } catch (error) {
      const { code, message } = error as { code?: string; message: string }
      if (code === '28P01') {
        await stopProcess(pid, STOP)
        throw new StrandlineError(
          'ENGINE_FAILED',
          'The embedded PostgreSQL refuses the password kept in secrets.json of the data folder.',
          {
            todo: 'Restore that file, or use another --data-dir.',
            cause: message,
          },
        )
      }
      if (!isAlive(pid)) return false
      await sleep(20)
    } finally {
      await client.end().catch(() => {})
    }
  }
}
