/** The stored coefficients against what the log's own bytes give, up to where the learner stands: one that is behind is not wrong. */
import type { CoefficientRow } from '../../domain/learning/offline.ts'
import type { AuditStore, CoefficientsPage } from './audit-store.ts'
import type { LogReading } from './log-contents.ts'

export interface Compared {
  /** How many there should be, how many differ or are missing or too many, and the largest relative difference. */
  coefficients: number
  different: number
  largest_difference: number
  /** Trades that the baseline counts, beyond those that the log gives. */
  double: number
}

/** Relative. */
export const TOLERANCE = 1e-9
/** Partials of one page: about 100 ms. */
const PAGE = 10_000

/**
 * Page by page, each with the learner's checkpoint at its own moment: the fold goes on to exactly there, so that trades which flow meanwhile make no difference.
 * @param consumer of the active version; null: no learner ever ran, and nothing may be learned
 */
export async function compareCoefficients(
  store: Pick<AuditStore, 'coefficients'>,
  topic: string,
  consumer: string | null,
  { foldedUpTo }: Pick<LogReading, 'foldedUpTo'>,
): Promise<Compared> {
  const found: Compared = { coefficients: 0, different: 0, largest_difference: 0, double: 0 }
  for (let after: string | null = ''; after !== null; ) {
    const page: CoefficientsPage = await store.coefficients(consumer ?? '', topic, after, PAGE)
    const folded = await foldedUpTo(new Map(page.checkpoints))
    const { next } = page
    const from = after
    const should = folded.coefficients.filter(
      (c) => bytewise(c.key, from) > 0 && (next === null || bytewise(c.key, next) <= 0),
    )
    compare(page.rows, should, found)
    found.double = Math.max(found.double, (page.global_rr?.n ?? 0) - folded.global_rr.n)
    after = next
  }
  return found
}

function compare(rows: CoefficientsPage['rows'], should: CoefficientRow[], found: Compared): void {
  const stored = new Map(rows.map((r) => [`${r.name}\0${r.key}`, r]))
  found.coefficients += should.length
  for (const row of should) {
    const id = `${row.name}\0${row.key}`
    const other = stored.get(id)
    stored.delete(id)
    if (!other || other.n !== row.n) {
      found.different++
      continue
    }
    const off = Math.max(...(['rr_short', 'rr_long', 'weight'] as const).map((f) => difference(row[f], other[f])))
    found.largest_difference = Math.max(found.largest_difference, off)
    if (!(off <= TOLERANCE)) found.different++
  }
  found.different += stored.size // what the log does not give
}

const difference = (is: number, other: number) => Math.abs(is - other) / Math.max(Math.abs(is), 1e-12)

/** The order of the pages: that of the database's collation "C". */
const bytewise = (a: string, b: string) => Buffer.compare(Buffer.from(a), Buffer.from(b))
