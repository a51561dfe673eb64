/** What the doctor says: one finding each, in the order in which a person deals with them. Pure. */

/** error: it does not work, or the next step would fail. warning: it works and somebody should look. info: how it is. */
export type Severity = 'error' | 'warning' | 'info'

/** In the order of what to do: what a later one needs is in an earlier one. */
export const AREAS = [
  'settings',
  'versions',
  'database',
  'rights',
  'tables',
  'migrations',
  'key',
  'broker',
  'topics',
  'registry',
  'clocks',
  'services',
  'outbox',
  'consumers',
  'bridge',
  'backfill',
  'audit',
  'switch',
  'undo',
] as const
export type Area = (typeof AREAS)[number]

export interface Finding {
  area: Area
  severity: Severity
  /** What was found, as a sentence. */
  what: string
  /** What to do about it, as a sentence; null: nothing. */
  todo: string | null
}

export interface Report {
  /** No finding is an error. */
  ok: boolean
  /** What is wrong before what is only said; each in the order of what to do. */
  findings: Finding[]
}

const finding =
  (severity: Severity) =>
  (area: Area, what: string, todo: string | null = null): Finding => ({ area, severity, what, todo })
export const error = finding('error')
export const warning = finding('warning')
export const info = finding('info')

export function reportOf(findings: Finding[]): Report {
  const said = new Map(findings.map((f) => [JSON.stringify(f), f])) // two looks may meet the same closed door
  const order = ({ area, severity }: Finding) => (severity === 'info' ? AREAS.length : 0) + AREAS.indexOf(area)
  const first = ({ severity }: Finding) => (severity === 'error' ? 0 : 1)
  const sorted = [...said.values()].sort((a, b) => order(a) - order(b) || first(a) - first(b))
  return { ok: !sorted.some((f) => f.severity === 'error'), findings: sorted }
}

/** `1 row`, `1,234 rows`. */
export function count(n: number, one: string, many = `${one}s`): string {
  return `${n.toLocaleString('en-US')} ${n === 1 ? one : many}`
}

/** `a, b and c`. */
export function list(words: string[]): string {
  return words.length < 2 ? words.join('') : `${words.slice(0, -1).join(', ')} and ${words.at(-1)}`
}

/** `3 s`, `12 min`, `5 h`, `3 days`. */
export function duration(ms: number): string {
  const s = Math.round(Math.abs(ms) / 1000)
  if (s < 120) return `${s} s`
  if (s < 7_200) return `${Math.round(s / 60)} min`
  if (s < 172_800) return `${Math.round(s / 3_600)} h`
  return `${Math.round(s / 86_400)} days`
}
