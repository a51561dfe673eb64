/** Good trades, from which bad records are made: of few positions, so that revisions, duplicates and voids of one trade meet each other. */
import { eventId, type PositionClosed } from '../../domain/event.ts'
import type { Dice } from '../dice.ts'

/** Every record was written at that time, unless it says another. ms */
export const WRITTEN_AT = Date.UTC(2026, 5, 1)

const CURATORS = ['0xdetweiler', 'moonboy', 'anna', 'quiet whale', 'Ünïcode']
const DAY_MS = 86_400_000

export function seedEvent(dice: Dice): PositionClosed {
  const position_id = `p${dice.below(4_000)}`
  const trade_id = `t${dice.below(2)}`
  const closed_at = WRITTEN_AT - dice.below(400 * DAY_MS) - 1
  const entry_price = 1 + dice.next() * 9
  const exit_price = 1 + dice.next() * 9
  const rr = dice.chance(0.06) ? null : Math.round((dice.next() * 20 - 10) * 1e6) / 1e6
  const said = (value: number) => (dice.chance(0.3) ? null : value)
  return {
    event_id: eventId(position_id, trade_id),
    revision: dice.chance(0.8) ? 0 : dice.below(5),
    voided: dice.chance(0.05),
    position_id,
    trade_id,
    symbol: dice.pick(['PEPE', 'ETH/BTC', 'ü😀']),
    token_contract: dice.pick(['0xabc', '']),
    chain: dice.pick(['base', 'solana', '']),
    timeframe: dice.pick(['1m', '15m', '1h', '4h', '7w']),
    decision_type: 'trim',
    opened_at: closed_at - dice.below(30 * DAY_MS),
    closed_at,
    entry_price,
    exit_price,
    rr,
    return: exit_price / entry_price - 1,
    max_drawdown: dice.next(),
    max_gain: dice.next() * 3,
    unscored_reason: rr === null ? 'no_ohlcv' : null,
    provisional: dice.pick([null, true, false]),
    net_return: said(exit_price / entry_price - 1 - dice.next() / 100),
    fees: said(dice.next() - 0.1),
    stake: said(entry_price),
    risk_at_entry: said(1 - dice.next()),
    levers: {
      curator: dice.pick(CURATORS),
      chain: dice.pick(['base', 'solana']),
      mcap_bucket: dice.pick(['<500k', '1m-2m', '50m+', 'none of these']),
      intent: dice.pick(['momentum', 'dip']),
    },
    measures: { vol_at_entry: dice.next() * 1e6, age_at_entry: dice.next() * 100, mcap_at_entry: dice.next() * 1e8 },
    regime_context: { macro: dice.pick(['risk-on', 'risk-off']) },
    source: dice.chance(0.9) ? 'pm' : dice.pick(['learning-queue', 'backfill', 'import:freqtrade', 'somebody']),
  }
}
