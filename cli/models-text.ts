/** Model versions for a terminal. Pure. */
import { shortHash } from '../core/runner/consumer-names.ts'
import type { ListedVersion } from '../services/learner/list-versions.ts'
import { age } from './lag-text.ts'
import { outcomeText } from './outcome-text.ts'
import { label } from './promote-text.ts'
import { table } from './table.ts'

const right = 'right' as const

/** @param now ms */
export function modelsText(models: ListedVersion[], now: number): string {
  if (models.length === 0) return 'There is no model version: no learner ever ran. Start one: ./strandline up.'
  const topics = new Set(models.map((m) => m.topic))
  const lines = table(
    [
      { title: 'model' },
      { title: 'version' },
      { title: 'state' },
      { title: 'events', align: right },
      { title: 'lag', align: right },
      { title: 'coeff.', align: right },
      { title: 'size', align: right },
      { title: 'age', align: right },
      ...(topics.size > 1 ? [{ title: 'topic' }] : []),
    ],
    models.map((m) => [
      m.name,
      shortHash(m),
      m.previous && m.state === 'kept' ? 'before' : m.state,
      String(m.events),
      m.lag === null ? '–' : String(m.lag),
      String(m.coefficients),
      m.sums_of ? 'shared' : size(m.size_bytes),
      age((now - Date.parse(m.created_at)) / 1_000),
      ...(topics.size > 1 ? [m.topic] : []),
    ]),
  )
  lines.push('', ...learnsLines(models), ...sharesLines(models))
  const newer = models.filter((m) => m.state === 'kept' && !m.previous)
  if (models.some((m) => m.state === 'building'))
    lines.push('', 'A build that is not complete: ./strandline rebuild goes on with it.')
  if (models.some((m) => m.state === 'dropping'))
    lines.push('', 'One is being dropped: ./strandline drop goes on with it.')
  if (newer.length > 0)
    lines.push('', `What a switch would change: ./strandline promote ${shortHash(newer[0]!)} --dry-run`)
  return lines.join('\n')
}

/** What each model learns, those that learn the same in one line. */
function learnsLines(models: ListedVersion[]): string[] {
  const names = new Map<string, Set<string>>()
  for (const { name, outcome } of models) {
    const { title } = outcomeText(outcome)
    names.set(title, (names.get(title) ?? new Set()).add(name))
  }
  return [...names].map(([title, of]) => `Learning the ${title} of trades: ${[...of].join(', ')}.`)
}

/** Versions that read the sums of another one, a line for each of these. */
function sharesLines(models: ListedVersion[]): string[] {
  const readers = models.flatMap((m) =>
    m.sums_of ? [{ of: `${label(m.sums_of)} over ${m.topic}`, m, owner: m.sums_of }] : [],
  )
  const topics = new Set(models.map((m) => m.topic)).size > 1
  return [...Map.groupBy(readers, (r) => r.of).values()].map((all) => {
    const { owner, m } = all[0] as (typeof readers)[number]
    const also = all.map((r) => label(r.m)).join(', ')
    return `The sums of ${label(owner)}${topics ? ` over ${m.topic}` : ''} are kept once, also for ${also}.`
  })
}

export function size(bytes: number): string {
  if (bytes < 1e6) return `${Math.ceil(bytes / 1e3)} kB`
  return bytes < 1e9 ? `${(bytes / 1e6).toFixed(1)} MB` : `${(bytes / 1e9).toFixed(1)} GB`
}
