/** What a backtest replaces of the one that was imported before, for a person. Pure. */
import type { PositionClosed } from '../domain/event.ts'
import type { Replacement } from '../domain/foreign/freqtrade-backtest.ts'
import type { Revised } from '../domain/revision.ts'
import { number, table } from './table.ts'

/** Rows of a preview. */
const SCREEN = 40

export const replaces = ({ changed, gone }: Replacement): boolean => changed.length + gone.length > 0

/** Empty where nothing of it was imported before. */
export function replacementText(found: Replacement): string {
  const { missing, same, changed, gone, kept } = found
  const known = same + changed.length + gone.length + kept.length
  if (known === 0) return ''
  const parts = same > 0 ? [`${same} are the same`] : []
  if (missing.length > 0) parts.push(`${missing.length} are new or lacked something`)
  if (changed.length > 0) parts.push(`${changed.length} came out otherwise and are replaced`)
  if (gone.length > 0) parts.push(`${gone.length} are in this backtest no more and are retracted`)
  const lines = [`An earlier run of this backtest was imported before. Of its trades and these: ${parts.join(', ')}.`]
  if (kept.length > 0)
    lines.push(
      `${kept.length} ${kept.length === 1 ? 'stays as it is: a person has corrected or retracted it' : 'stay as they are: a person has corrected or retracted them'}: ${kept
        .slice(0, 5)
        .map((event) => `${event.symbol} ${event.trade_id}`)
        .join(', ')}${kept.length > 5 ? ' …' : ''}.`,
    )
  return [...lines, ...rowsOf([...changed, ...gone])].join('\n')
}

function rowsOf(revised: readonly Revised[]): string[] {
  if (revised.length === 0) return []
  const right = 'right' as const
  const columns = [
    { title: 'entry' },
    { title: 'pair' },
    { title: 'R/R', align: right },
    { title: '→', align: right },
    { title: 'net return', align: right },
    { title: '→', align: right },
  ]
  const rows = [...revised]
    .sort((a, b) => a.before.opened_at - b.before.opened_at)
    .slice(0, SCREEN)
    .map(({ before, after }) => [
      new Date(before.opened_at).toISOString().slice(0, 16).replace('T', ' '),
      before.symbol,
      ...pair(before, after, (event) => number(event.rr)),
      ...pair(before, after, (event) => number(event.net_return, 4)),
    ])
  const more = revised.length - rows.length
  return ['', ...table(columns, rows), ...(more > 0 ? [`… and ${more} more`] : []), '']
}

const pair = (before: PositionClosed, after: PositionClosed, shown: (event: PositionClosed) => string) =>
  [before, after].map((event) => (event.voided ? 'retracted' : shown(event)))
