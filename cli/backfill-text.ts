/** What a backfill says, for a person and for a program. Pure. */
import type { Backfilled, BackfillState, Source } from '../services/pm/sources/backfill.ts'
import { type Example, unusableCount } from '../services/pm/sources/backfill-report.ts'

export interface BackfillSummary {
  dry_run: boolean
  /** Everything was read; false: it was stopped. */
  complete: boolean
  /** It went on with a run that was broken off, and read all once more behind it; the sums are those of both, each trade once. */
  resumed: boolean
  since: string | null
  /** Trades that are new to the log (in a dry run: would be), that it had, and that closed before `since`. */
  published: number
  already_known: number
  before_since: number
  unusable: number
  /** Of the unusable ones, the most frequent first. */
  reasons: { reason: string; count: number; examples: Example[] }[]
  /** Published trades that are in the outbox and not in the log yet; null where nobody looked. */
  waiting: number | null
}

export function summaryOf(
  done: Backfilled,
  { dryRun, since, waiting }: { dryRun: boolean; since?: number; waiting: number | null },
): BackfillSummary {
  return {
    dry_run: dryRun,
    complete: done.done,
    resumed: done.resumed,
    since: since === undefined ? null : new Date(since).toISOString(),
    published: done.published,
    already_known: done.known,
    before_since: done.report.before_since,
    unusable: unusableCount(done.report),
    reasons: Object.entries(done.report.unusable)
      .map(([reason, { count, examples }]) => ({ reason, count, examples }))
      .sort((a, b) => b.count - a.count || (a.reason < b.reason ? -1 : 1)),
    waiting,
  }
}

const count = (n: number) => n.toLocaleString('en')

export function backfillText(s: BackfillSummary): string {
  const trades = (n: number) => `${count(n)} ${n === 1 ? 'trade' : 'trades'}`
  const lines = [
    s.dry_run ? `${trades(s.published)} would be published.` : `${trades(s.published)} published.`,
    `${count(s.already_known)} already known.`,
    ...(s.since === null ? [] : [`${count(s.before_since)} closed before ${s.since}: left out.`]),
    `${count(s.unusable)} unusable${s.unusable === 0 ? '.' : ':'}`,
  ]
  for (const { reason, count: n, examples } of s.reasons) {
    lines.push(`  ${count(n)} × ${reason}`)
    for (const { in: place, id, trade_id, why } of examples)
      lines.push(`      ${place} ${id}${trade_id ? `, trade ${trade_id}` : ''}${why === reason ? '' : `: ${why}`}`)
  }
  if (s.dry_run) lines.push('Nothing was written (--dry-run).')
  else if (s.waiting === 0) lines.push('All of them are in the log.')
  return lines.join('\n')
}

/** Lines of progress: what is read, how fast, and how long it may take. @param started ms */
export function progressText(started: number) {
  let first: number | undefined
  return (state: BackfillState, sizes: Record<Source, number>, now: number): string => {
    const { source, visited, published, known, report } = state
    const behind = (source === 'strands' ? 0 : sizes.strands) + visited
    first ??= behind
    const rate = (behind - first) / Math.max(0.001, (now - started) / 1000)
    const left = Math.max(0, sizes.strands + sizes.positions - behind) / rate
    const rest = rate > 0 ? `; ${count(Math.round(rate))} rows/s, ${duration(left)} left` : ''
    return `${count(visited)} of about ${count(Math.max(visited, sizes[source]))} ${source} read: ${count(published)} trades published, ${count(known)} known, ${count(unusableCount(report))} unusable${rest}`
  }
}

const duration = (seconds: number) =>
  seconds < 90
    ? `${Math.ceil(seconds)} s`
    : seconds < 5400
      ? `${Math.ceil(seconds / 60)} min`
      : `${(seconds / 3600).toFixed(1)} h`
