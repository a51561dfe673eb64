/** The old queue: what waits in it for the bridge, and since when. */
import { count, duration, type Finding, info, list, warning } from '../finding.ts'
import type { Ask } from './read-only.ts'
import type { TableFacts } from './shared-tables.ts'

/** As far as it is counted. */
const MOST = 1_000_000

export interface QueueFacts {
  /** Pending rows of position_closed strands, up to a million. */
  pending: number
  more: boolean
  /** When the oldest of them was queued: text of the database; null where nobody knows. */
  since: string | null
  /** Age of that in milliseconds. */
  age_ms: number | null
  /** The other states of such rows. */
  others: Record<string, number>
}

export async function inspectQueue(ask: Ask, table: TableFacts): Promise<QueueFacts> {
  const dated = table.columns.some((c) => c.name === 'created_at')
  const closed = `from public.learning_queue where strand_type = 'position_closed'`
  const [waiting] = await ask<{ n: number }>(
    `select count(*)::double precision as n from (select ${closed} and status = 'pending' limit ${MOST + 1}) q`,
  )
  const n = Number(waiting!.n)
  const [oldest] =
    n > 0 && dated
      ? await ask<{ since: string | null; age_ms: number | null }>(
          `select min(created_at)::text as since, extract(epoch from now() - min(created_at)::timestamptz)::double precision * 1000 as age_ms ${closed} and status = 'pending'`,
        )
      : []
  const states = await ask<{ status: string; n: number }>(
    `select coalesce(status, '–') as status, count(*)::double precision as n ${closed} and status is distinct from 'pending' group by 1`,
  )
  return {
    pending: Math.min(n, MOST),
    more: n > MOST,
    since: oldest?.since ?? null,
    age_ms: oldest?.age_ms ?? null,
    others: Object.fromEntries(states.map((s) => [s.status, Number(s.n)])),
  }
}

/** Rows older than this show that nobody drains. Milliseconds. */
const DRAINED_WITHIN_MS = 10 * 60_000

/** @param migrated from then on the bridge drains the queue */
export function judgeQueue({ pending, more, since, age_ms, others }: QueueFacts, migrated: boolean): Finding[] {
  const found: Finding[] = []
  if (pending > 0) {
    const what = `${more ? 'More than ' : ''}${count(pending, 'row')} of closed trades ${pending === 1 ? 'waits' : 'wait'} in learning_queue${since ? `, the oldest since ${since}` : ''}${age_ms !== null ? ` (${duration(age_ms)})` : ''}.`
    if (!migrated)
      found.push(
        info(
          'bridge',
          what,
          'After migrate, the PM drains it in the background (./strandline up, or ./strandline pm).',
        ),
      )
    else if (age_ms === null || age_ms > DRAINED_WITHIN_MS)
      found.push(warning('bridge', what, 'The PM drains it: see that one runs, and what its log says of the bridge.'))
    else found.push(info('bridge', what))
  } else found.push(info('bridge', 'No closed trade waits in learning_queue.'))
  const rest = Object.entries(others).filter(([status]) => status !== 'completed' && status !== 'failed')
  if (rest.length > 0)
    found.push(
      warning(
        'bridge',
        `Rows of learning_queue are in states that nobody takes further: ${list(rest.map(([status, n]) => `${n.toLocaleString('en-US')} ${status}`))}.`,
        `Where the old reader is gone, set them back to pending; ./strandline backfill finds their trades in any case.`,
      ),
    )
  const failed = others.failed ?? 0
  if (failed > 0)
    found.push(info('bridge', `${count(failed, 'row')} of learning_queue ${failed === 1 ? 'is' : 'are'} failed.`))
  return found
}

/** Whether somebody puts new strands into the queue. */
export function judgeQueueTrigger(strands: TableFacts | undefined, functions: string[]): Finding[] {
  if (!strands || !['r', 'p'].includes(strands.kind)) return []
  if (strands.triggers.some((t) => t.enabled && functions.includes(t.function))) return []
  return [
    warning(
      'bridge',
      'No trigger of ad_strands puts new strands into learning_queue: the bridge does not see trades that the old PM closes.',
      'Put the old trigger back, or run ./strandline backfill regularly.',
    ),
  ]
}

/** Trigger functions whose text names the queue. */
export async function inspectQueueWriters(ask: Ask): Promise<string[]> {
  const rows = await ask<{ name: string }>(
    `select p.oid::regproc::text as name from pg_proc p where p.prorettype = 'trigger'::regtype and p.prosrc ilike '%learning_queue%'`,
  )
  return rows.map((r) => r.name)
}
