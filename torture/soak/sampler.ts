/** Looks every few seconds at what each process holds and how large the stores are. */
import { lstat, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { childrenOf } from '../child-processes.ts'
import type { Stage } from '../stage.ts'
import { ENGINE_MEMORY, type Measure, TABLES_OF_CLOSES, TABLES_OF_TRADES } from './bounds.ts'
import type { Series } from './judge-soak.ts'
import { type Held, heldBy } from './process.ts'

export interface Sampler {
  series(): Series[]
}

const PROCESSES_MS = 3_000
const STORES_MS = 10_000
const MB = 1024 * 1024

export function startSampler(stage: Stage, dataDir: string, signal: AbortSignal): Sampler {
  const all = new Map<string, Series>()

  function note(measure: Measure, of: string, value: number, life?: number): void {
    let series = all.get(`${measure} ${of}`)
    if (!series) {
      series = { measure, of, points: [] }
      if (measure === 'memory' && (of === 'postgres' || stage.brokers.some((b) => b.name === of)))
        series.bound = ENGINE_MEMORY
      all.set(`${measure} ${of}`, series)
    }
    series.points.push({ at: Date.now(), value, life })
  }

  function noteProcess(name: string, pid: number | undefined): void {
    const held = pid === undefined ? undefined : heldBy(pid)
    if (!held) return
    // each session of PostgreSQL is a process: what it holds of memory is the server's, its handles go with the connection
    const memory = (name === 'postgres' ? childrenOf(pid!) : []).reduce(
      (sum, child) => sum + (heldBy(child)?.memory ?? 0),
      held.memory,
    )
    for (const [measure, value] of Object.entries({ ...held, memory }) as [keyof Held, number][])
      note(measure, name, value, pid)
  }

  async function noteStores(): Promise<void> {
    const [counted] = await stage.sql<Record<'sessions' | 'wal' | 'closes' | 'trades', number>>(
      `select (select count(*) from pg_stat_activity where backend_type = 'client backend')::integer as sessions,
              (select sum(size) from pg_ls_waldir())::double precision as wal,
              (select count(*) from strandline.pm_outbox)::double precision as closes,
              (select count(*) from strandline.learner_ledger)::double precision as trades`,
    )
    const { sessions, wal, closes, trades } = counted!
    note('connections', 'postgres', sessions)
    note('wal', 'postgres', wal / MB)
    const tables = await stage.sql<{ name: string; bytes: number }>(
      `select n.nspname || '.' || c.relname as name, pg_total_relation_size(c.oid)::double precision as bytes
       from pg_class c join pg_namespace n on n.oid = c.relnamespace
       where c.relkind = 'r' and n.nspname in ('public', 'strandline')`,
    )
    for (const { name, bytes } of tables) {
      const kept = TABLES_OF_CLOSES.includes(name) ? closes : TABLES_OF_TRADES.includes(name) ? trades : undefined
      if (kept === undefined) note('table', name, bytes / MB)
      else if (kept > 0) note('per trade', name, bytes / kept)
    }
    for (const { name } of trades > 0 ? stage.brokers : [])
      note('per trade', `${name}'s folder`, (await sizeOf(join(dataDir, name, 'log'))) / trades)
  }

  const every = async (ms: number, look: () => void | Promise<void>) => {
    while (!signal.aborted) {
      await look()
      await sleep(ms, undefined, { signal })
    }
  }
  every(STORES_MS, noteStores).catch(() => {}) // a database that stays away is the run's to say
  every(PROCESSES_MS, () => {
    for (const { service } of stage.members) noteProcess(service.name, service.pid())
    for (const engine of [...stage.brokers, stage.postgres]) noteProcess(engine.name, engine.pid())
  }).catch(() => {})
  return { series: () => [...all.values()] }
}

/** Bytes on the disk: Kafka's index files are mostly holes. */
async function sizeOf(folder: string): Promise<number> {
  const entries = await readdir(folder, { recursive: true }).catch(() => [])
  const sizes = await Promise.all(
    entries.map((name) =>
      lstat(join(folder, name)).then(
        ({ blocks }) => blocks * 512,
        () => 0, // deleted since
      ),
    ),
  )
  return sizes.reduce((sum, bytes) => sum + bytes, 0)
}
