/** A trade of a history, as commands give it. */
import type { TradeHistory } from '../domain/history/trade-history.ts'
import { timeText } from '../domain/time.ts'

/** Times are ISO 8601 in UTC. */
export interface TradeRow {
  event_id: string
  position_id: string
  symbol: string
  revision: number
  closed_at: string
  /** What the model learns of it, clamped; null: it has none. */
  outcome: number | null
  voided: boolean
  source: string
  /** Where this revision lies in the log, and since when. */
  partition: number
  offset: number
  taken_at: string
  /** Who made this revision and why, a person or the PM's tick; null of the first one. */
  revised_by: string | null
}

/** One publication of a trade. */
export type Revision = Pick<
  TradeRow,
  'revision' | 'outcome' | 'voided' | 'closed_at' | 'source' | 'partition' | 'offset' | 'taken_at' | 'revised_by'
>

export function tradeRow(history: TradeHistory, row: number): TradeRow {
  const record = history.record(row)
  const { event_id, position_id, symbol, revision, voided, source, partition, offset } = record
  return {
    event_id,
    position_id,
    symbol,
    revision,
    closed_at: timeText(record.closed_at),
    outcome: record.rr,
    voided,
    source,
    partition,
    offset,
    taken_at: timeText(record.taken_at),
    revised_by: record.revised_by || null,
  }
}

/** All that the log has of a trade, in the order of its revisions; one that stands in it twice is there twice. */
export function revisionsOf(history: TradeHistory, event_id: string): Revision[] {
  return history
    .revisionsOf(event_id)
    .map((row) => {
      const { revision, outcome, voided, closed_at, source, partition, offset, taken_at, revised_by } = tradeRow(
        history,
        row,
      )
      return { revision, outcome, voided, closed_at, source, partition, offset, taken_at, revised_by }
    })
    .sort((a, b) => a.revision - b.revision)
}
