/** What `lowcap_positions.completed_trades` of one position holds, as the events of its trades. Pure. */
import { findStrandlineError } from '../../core/errors.ts'
import { decoded, type Fields, invalid, listOf, objectOf, shown, textOf } from './json.ts'
import { type ForeignTrade, foreignTrade } from './trade.ts'

/** A row of lowcap_positions as far as it says something of closed trades. */
export interface ForeignPosition {
  id: string
  token_ticker?: unknown
  token_contract?: unknown
  token_chain?: unknown
  timeframe?: unknown
  side?: unknown
  /** Of the trade that runs, or ran last. */
  entry_context?: unknown
  regime_context?: unknown
  /** A trade runs now: the contexts are that trade's. */
  running?: boolean
  completed_trades: unknown
}

/** One element: its trade, or why it is none. */
export type PositionTrade = { trade: ForeignTrade } | { problem: string; trade_id: string }

/**
 * The elements of the list, in its order; one object is a list of it. Each has its own entry context; the newest that has none ran under the position's.
 * @param now ms, as of tradeOfStrand; never throws: what cannot be read is a problem of its element
 */
export function tradesOfPosition(position: ForeignPosition, now: number): PositionTrade[] {
  const list = decoded(position.completed_trades)
  if (list === null || (list === undefined && typeof position.completed_trades !== 'string')) return []
  if (typeof list !== 'object')
    return [{ trade_id: '', problem: `Completed_trades is ${shown(position.completed_trades)}, not a list.` }]
  const elements = listOf(list)
  return elements.map((element, index) => {
    const trade = objectOf(element)
    try {
      if (!trade || Object.keys(trade).length === 0) throw invalid(`the element ${shown(element)} is no trade`)
      return { trade: tradeOf(position, trade, index === elements.length - 1, now) }
    } catch (error) {
      const known = findStrandlineError(error)
      if (!known) throw error
      return { problem: known.message, trade_id: textOf(trade?.trade_id) }
    }
  })
}

function tradeOf(position: ForeignPosition, trade: Fields, newest: boolean, now: number): ForeignTrade {
  const summary = objectOf(trade.summary) ?? {}
  const own = objectOf(trade.entry_context) ?? objectOf(summary.entry_context)
  const lastContexts = newest && !position.running
  return foreignTrade(
    [trade, summary],
    {
      what: 'the trade',
      position_id: position.id,
      timeframe: textOf(position.timeframe),
      symbol: textOf(position.token_ticker),
      token_contract: textOf(position.token_contract),
      chain: textOf(position.token_chain),
      entry_context: own ?? (lastContexts ? position.entry_context : null),
      regime_context: lastContexts ? position.regime_context : null,
      side: position.side,
      source: 'backfill',
    },
    now,
  )
}
