/** A `position_closed` strand that somebody else wrote, as the event of its trade. Pure. */
import { isObject } from '../is-object.ts'
import { canonicalId } from './canonical-id.ts'
import { type Fields, firstText, invalid, listOf, objectOf, textOf } from './json.ts'
import { type ForeignTrade, foreignTrade } from './trade.ts'

/** A row of ad_strands. */
export type ForeignStrand = Fields & { id: unknown }

/** What lowcap_positions knows of the strand's position, for what the strand does not say itself. */
export interface StrandPosition {
  timeframe: string | null
  token_ticker: string | null
  token_contract: string | null
  token_chain: string | null
  side: string | null
}

export type StrandTrade = ForeignTrade

export interface StrandReading {
  /** ms; an exit up to a day later comes back as it is (somebody's clock is ahead: wait), anything beyond is no exit time */
  now: number
  position?: StrandPosition | null
  /** `learning-queue` where nothing else is said. */
  source?: string
}

/**
 * Reads a strand. What it holds is in `content`, or in columns of the same names; the trade is the one of its trade_id among `completed_trades`, else
 * the last of them, and what that does not say `trade_summary` may.
 * Errors: EVENT_INVALID, naming what is missing.
 */
export function tradeOfStrand(strand: ForeignStrand, { now, position, source }: StrandReading): StrandTrade {
  const content = objectOf(strand.content) ?? {}
  if (Object.keys(content).length === 0 && (strand.completed_trades ?? strand.trade_summary ?? null) === null)
    throw invalid('the strand has no content')
  const trade_id = canonicalId(firstText(strand.trade_id, content.trade_id))
  const trades = [...listOf(content.completed_trades), ...listOf(strand.completed_trades)]
    .map(objectOf)
    .filter(isObject)
  const trade =
    (trade_id && trades.findLast((t) => canonicalId(textOf(t.trade_id)) === trade_id)) || (trades.at(-1) ?? {})
  const summary = objectOf(content.trade_summary) ?? objectOf(strand.trade_summary) ?? {}
  return foreignTrade(
    [trade, objectOf(trade.summary) ?? {}, summary],
    {
      what: 'the strand',
      position_id: firstText(strand.position_id, content.position_id),
      trade_id,
      timeframe: firstText(strand.timeframe, content.timeframe) || textOf(position?.timeframe),
      symbol: firstText(strand.symbol, content.symbol, content.token_ticker, position?.token_ticker),
      token_contract: firstText(content.token_contract, content.token, position?.token_contract),
      chain: firstText(content.chain, content.token_chain, position?.token_chain),
      decision_type: textOf(content.decision_type),
      closed_at: content.ts ?? strand.created_at,
      entry_context: objectOf(content.entry_context) ?? strand.entry_context,
      regime_context: strand.regime_context ?? content.regime_context,
      side: position?.side,
      source: source ?? 'learning-queue',
    },
    now,
  )
}
