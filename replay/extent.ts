/** From when to when a history goes. */
import { NOW } from '../domain/history/cut.ts'
import { timeText } from '../domain/time.ts'
import { answering, type OpenHistory } from './open-history.ts'

/** ISO 8601 in UTC. */
export interface Span {
  first: string
  last: string
}

export interface LogExtent {
  model: ReturnType<typeof answering>
  /** Trades that count now. */
  trades: number
  /** Exits of those; null: there is none. */
  exits: Span | null
  /** When the log took in what this model reads; null: there is nothing. */
  taken: Span | null
  /** Offset behind the last record that was read, by partition. */
  ends: Record<string, number>
  levers: string[]
  interactions: string[]
}

export function logExtent(opened: OpenHistory): LogExtent {
  const { history, model, effective, ends } = opened
  const { closed_at } = history.columns()
  const counts = effective(NOW)
  const exits = spanOf(counts.length, (row) => (counts[row] === 1 ? (closed_at[row] as number) : null))
  const taken = history.takenAt()
  return {
    model: answering(opened),
    trades: counts.reduce((sum, counted) => sum + counted, 0),
    exits,
    taken: spanOf(taken.length, (row) => taken[row] as number),
    ends: Object.fromEntries(ends),
    levers: model.definition.levers.map((lever) => lever.name),
    interactions: model.definition.interactions.map((interaction) => interaction.name),
  }
}

/** @param at ms; null: it does not count */
function spanOf(length: number, at: (row: number) => number | null): Span | null {
  let [first, last] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]
  for (let row = 0; row < length; row++) {
    const time = at(row)
    if (time === null) continue
    if (time < first) first = time
    if (time > last) last = time
  }
  return last < first ? null : { first: timeText(first), last: timeText(last) }
}
