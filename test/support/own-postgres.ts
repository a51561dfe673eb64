/** A PostgreSQL of one test's own, which it may kill and start again in its folder. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pino } from 'pino'
import type { Logger } from '../../core/logger.ts'
import { freePort } from '../../core/ports.ts'
import { startPostgres } from '../../embedded/postgres.ts'

export interface OwnPostgres {
  /** As its owner; the same after a restart. */
  url: string
  /** `kill -9`; resolves once it is gone. */
  kill(): Promise<void>
  restart(): Promise<void>
  /** Stops it, and removes its folder. */
  remove(): Promise<void>
}

/** @param settings of PostgreSQL, beside those that make it small and fast */
export async function startOwnPostgres(settings: Record<string, string> = {}): Promise<OwnPostgres> {
  const folder = await mkdtemp(join(tmpdir(), 'strandline-own-postgres-'))
  const port = await freePort()
  const start = () =>
    startPostgres({
      dataDir: join(folder, 'postgres'),
      port,
      password: 'test-run-only',
      logFile: join(folder, 'postgres.log'),
      settings: { fsync: 'off', shared_buffers: '32MB', ...settings },
      logger: pino({ level: 'silent' }) as Logger,
    })
  let postgres = await start()
  return {
    url: postgres.url(),
    async kill() {
      process.kill(postgres.pid, 'SIGKILL')
      await postgres.exited
    },
    async restart() {
      postgres = await start()
    },
    async remove() {
      await postgres.stop()
      await rm(folder, { recursive: true, force: true })
    },
  }
}
