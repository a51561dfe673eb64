/** A closed trade to start a test from: 2 → 3, risk/reward 1.25, on base, 1h. */
import { eventId, type PositionClosed, UNSAID } from '../../domain/event.ts'

/** `event_id` follows from position_id and trade_id unless it is given. */
export function closedTrade(changes: Partial<PositionClosed> = {}): PositionClosed {
  const { position_id = 'p-1', trade_id = 't-1' } = changes
  return {
    event_id: eventId(position_id, trade_id),
    revision: 0,
    voided: false,
    position_id,
    trade_id,
    symbol: 'PEPE',
    token_contract: '0xabc',
    chain: 'base',
    timeframe: '1h',
    decision_type: 'trim',
    opened_at: Date.UTC(2026, 0, 1),
    closed_at: Date.UTC(2026, 0, 2, 12),
    entry_price: 2,
    exit_price: 3,
    rr: 1.25,
    return: 0.5,
    max_drawdown: 0.4,
    max_gain: 0.75,
    unscored_reason: null,
    ...UNSAID,
    levers: { curator: '0xdetweiler', mcap_bucket: '1m-2m' },
    measures: { vol_at_entry: 120000 },
    regime_context: { macro: 'risk-on' },
    source: 'pm',
    ...changes,
  }
}
