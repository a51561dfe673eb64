/** What PostgreSQL says about its own work. */
import { setTimeout as sleep } from 'node:timers/promises'
import type pg from 'pg'
import { StrandlineError } from '../core/errors.ts'
import { instant } from './workers/serve.ts'

/** Bytes ever written to the write-ahead log. */
export async function walBytes(sql: pg.Client): Promise<number> {
  const { rows } = await sql.query<{ bytes: string }>(`select pg_current_wal_insert_lsn() - '0/0' as bytes`)
  return Number(rows[0]!.bytes)
}

/** Transactions ever committed in this database; a session that works tells once a second, so the newest may be missing. */
export async function transactions(sql: pg.Client): Promise<number> {
  const { rows } = await sql.query<{ xact_commit: string }>(
    'select xact_commit from pg_stat_database where datname = current_database()',
  )
  return Number(rows[0]!.xact_commit)
}

export interface FunctionTime {
  name: string
  calls: number
  /** In itself, without the functions that it calls. */
  seconds: number
}

/** A session reports at its end, or when it has worked for a second. */
const REPORTED_MS = 1_500
const SHOWN = 6

/** Switches the counting of calls and times; what was counted is forgotten when it begins. */
export async function trackFunctions(sql: pg.Client, on: boolean): Promise<void> {
  await sql.query(`alter system set track_functions = '${on ? 'all' : 'none'}'`)
  await sql.query('select pg_reload_conf()')
  if (on) await sql.query('select pg_stat_reset()')
}

/** Of the database's own functions, longest first; whoever called them should have closed its sessions. */
export async function functionTimes(sql: pg.Client): Promise<FunctionTime[]> {
  await sleep(REPORTED_MS)
  const { rows } = await sql.query<{ funcname: string; calls: string; self_time: number }>(
    `select funcname, calls, self_time from pg_stat_user_functions order by self_time desc limit ${SHOWN}`,
  )
  return rows.map((r) => ({ name: r.funcname, calls: Number(r.calls), seconds: r.self_time / 1000 }))
}

const POLL_MS = 20
const STALLED_MS = 120_000

/** Waits until the committed checkpoints of the topic's partitions amount to `events`; resolves to when. Errors: ENGINE_FAILED. */
export async function learned(sql: pg.Client, topic: string, events: number): Promise<number> {
  let last = -1
  let moved = instant()
  for (;;) {
    const { rows } = await sql.query<{ sum: string | null }>(
      'select sum(checkpoint) from strandline.consumer_checkpoints where topic = $1',
      [topic],
    )
    const at = instant()
    const now = Number(rows[0]?.sum ?? 0)
    if (now >= events) return at
    if (now !== last) moved = at
    last = now
    if (at - moved > STALLED_MS)
      throw new StrandlineError('ENGINE_FAILED', `The learner stands still at ${now} of ${events} events.`, {
        todo: 'LOG_LEVEL=info shows what it does.',
      })
    await sleep(POLL_MS)
  }
}
