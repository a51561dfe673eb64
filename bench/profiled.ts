/** What the processes around the learner do while it is profiled: lite by its functions, PostgreSQL by ours. */
import { setTimeout as sleep } from 'node:timers/promises'
import type pg from 'pg'
import type { ProfileSummary } from './profile.ts'
import type { Worker } from './worker.ts'

export interface Surroundings {
  lite: ProfileSummary
  /** Functions of the database: seconds in themselves, without the functions that they call. */
  sql: { name: string; calls: number; seconds: number }[]
}

/** Backends report their counts a second after they fell idle. */
const REPORTED_MS = 1_500

/** Runs `work` with both watched. */
export async function watched<T>(
  engines: Worker,
  sql: pg.Client,
  work: () => Promise<T>,
): Promise<T & { around: Surroundings }> {
  const track = async (what: 'all' | 'none') => {
    await sql.query(`alter system set track_functions = '${what}'`)
    await sql.query('select pg_reload_conf()')
  }
  await track('all')
  await sql.query('select pg_stat_reset()')
  await engines.ask('startProfiling')
  const done = await work()
  const lite = await engines.ask<ProfileSummary>('stopProfiling')
  await sleep(REPORTED_MS)
  const { rows } = await sql.query<{ funcname: string; calls: string; self_time: number }>(
    'select funcname, calls, self_time from pg_stat_user_functions order by self_time desc limit 6',
  )
  await track('none')
  return {
    ...done,
    around: {
      lite,
      sql: rows.map((r) => ({ name: r.funcname, calls: Number(r.calls), seconds: r.self_time / 1000 })),
    },
  }
}
