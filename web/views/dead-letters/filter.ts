/** Which letters the address asks for, as questions to the server and as what a redrive chooses by. */
import { address } from '../../router.ts'

export interface LetterFilter {
  reason: string | null
  partition: string | null
  /** As a field for UTC has it: 2026-05-01T00:00. */
  since: string | null
  until: string | null
  /** Also those that are settled. */
  all: boolean
}

export const filterIn = (query: URLSearchParams): LetterFilter => ({
  reason: query.get('reason'),
  partition: query.get('partition'),
  since: query.get('since'),
  until: query.get('until'),
  all: query.get('all') === 'true',
})

const utc = (text: string | null) => (text ? `${text}Z` : null)

export function listPath({ reason, partition, since, until, all }: LetterFilter, limit: number): string {
  const times = { since: utc(since), until: utc(until) }
  return address('/v1/dead-letters', { reason, partition, ...times, all: all ? 'true' : null, limit: String(limit) })
}

/** What one works on. */
export type Selection = { places: string[] } | { filter: LetterFilter }

/** The body of a redrive. */
export function redriveChoice(selection: Selection) {
  if ('places' in selection) return { places: selection.places }
  const { reason, ...others } = selection.filter
  const chosen = { ...(reason ? { reason: [reason] } : {}), ...common(others) }
  return Object.keys(chosen).length > 0 ? chosen : { all: true }
}

/** The body of a discard, but for its reason. @param now those that come after it was looked at are none of them */
export function discardChoice(selection: Selection, now: string) {
  if ('places' in selection) return { places: selection.places }
  const { reason, ...others } = selection.filter
  return { until: now, ...common(others), ...(reason ? { refused_for: [reason] } : {}) }
}

const common = ({ partition, since, until }: Omit<LetterFilter, 'reason'>) => ({
  ...(partition ? { partition: [Number(partition)] } : {}),
  ...(since ? { since: utc(since) as string } : {}),
  ...(until ? { until: utc(until) as string } : {}),
})
