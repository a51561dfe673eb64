/** What a backfill found that is no trade it can publish, counted by reason. Pure; kept in the database as JSON (strandline.backfill_runs). */

export interface Example {
  in: 'strand' | 'position'
  id: string
  /** '' where it has none. */
  trade_id: string
  /** The whole sentence. */
  why: string
}

export interface BackfillReport {
  /** By reason: its sentence without the values in it. */
  unusable: Record<string, { count: number; examples: Example[] }>
  /** Trades that closed before --since. */
  before_since: number
}

const EXAMPLES = 3
/** Reasons are few; a writer of nonsense must not make a report of it. */
const REASONS = 100
const OTHER = 'Other reasons.'

export const emptyReport = (): BackfillReport => ({ unusable: {}, before_since: 0 })

/** Adds one to the report. */
export function noteUnusable(report: BackfillReport, example: Example): void {
  const sentence = reasonWithoutValues(example.why)
  const known = report.unusable[sentence]
  const reason = known || Object.keys(report.unusable).length < REASONS ? sentence : OTHER
  const entry = known ?? report.unusable[reason] ?? { count: 0, examples: [] }
  entry.count++
  if (entry.examples.length < EXAMPLES) entry.examples.push({ ...example, why: example.why.slice(0, 300) })
  report.unusable[reason] = entry
}

/** `Exit price is -1, not above 0.` and the same of -2 are one reason. */
export function reasonWithoutValues(why: string): string {
  return why
    .replace(/\bis \d{4}-\d\d-\d\dT[\d:.]+Z/g, 'is …')
    .replace(
      /(\b(?:is|element)) (?:"(?:[^"\\]|\\.)*"?|-?[\d.]+(?:e[+-]?\d+)?|[[{][^\n]*?[\]}]|null|true|false)(?=[, ]|$)/gi,
      '$1 …',
    )
    .replace(/\(\d{4}-[^)]*\)/g, '(…)')
    .replace(/has \d+ bytes/g, 'has … bytes')
    .slice(0, 200)
}

export const unusableCount = ({ unusable }: BackfillReport): number =>
  Object.values(unusable).reduce((sum, { count }) => sum + count, 0)
