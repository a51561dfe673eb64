/**
 * Events for benchmarks: deterministic (a seed gives the same events), about 340 bytes each on the wire.
 * `few`: 3,600 distinct interactions. `distinct`: all eight levers at work, 22 million possible combinations, so that nearly every trade (98 of 100 in a
 * million) is one of its own.
 */

import { seeded } from '../core/random.ts'
import { type PositionClosed, UNSAID } from '../domain/event.ts'
import { TIMEFRAMES } from '../domain/timeframe.ts'

export type Cardinality = 'few' | 'distinct'

/** Exit times of what the benchmark writes lie in the 90 days before this. */
export const NEWEST = Date.parse('2025-06-01T00:00:00Z')

const CURATORS = ['0xdetweiler', 'eleetmo', 'zeta_one', 'louiscooper', 'crypto_banter']
const CHAINS = ['solana', 'ethereum', 'base', 'bsc']
const CAPS = ['<500k', '500k-1m', '1m-2m', '2m-5m', '5m-10m']
const VOLS = ['<10k', '10k-50k', '50k-100k', '100k-250k']
const ALL_CAPS = [...CAPS, '10m-50m', '50m+']
const ALL_VOLS = [...VOLS, '250k-500k', '500k-1m', '1m+']
const ALL_AGES = ['<1d', '1-3d', '3-7d', '7-14d', '14-30d', '30-90d', '90d+']
const ALL_RATIOS = ['<0.1', '0.1-0.5', '0.5-1.0', '1.0-2.0', '2.0-5.0', '5.0+']
const CONFIDENCES = ['low', 'med', 'high']
const INTENTS = ['research_positive', 'pump_call', 'new_listing']

/** `count` events one after the other, none kept: the newest exit lies before `newest` (ms), the oldest 90 days earlier. */
export function* eventStream(
  count: number,
  cardinality: Cardinality,
  seed: number,
  newest: number,
  /** Of `distinct`: with 10,000 of them, 99 of 100 in ten million trades are combinations of their own. */
  curators = 300,
): Generator<PositionClosed, void> {
  const next = seeded(seed)
  const pick = <T>(list: readonly T[]): T => list[Math.floor(next() * list.length)] as T
  const hex = (digits: number) => {
    let out = ''
    while (out.length < digits)
      out += Math.floor(next() * 2 ** 32)
        .toString(16)
        .padStart(8, '0')
    return out.slice(0, digits)
  }
  const uuid = () => `${hex(8)}-${hex(4)}-5${hex(3)}-a${hex(3)}-${hex(12)}`
  const span = 90 * 86_400_000
  for (let i = 0; i < count; i++) {
    // mostly in order, a little out of it, as trades of many positions are
    const closed_at = Math.floor(newest - span + (span * i) / count - next() * 3_600_000)
    const rr = Math.round((next() * 6 - 2) * 1e6) / 1e6
    const levers: Record<string, string> = {
      curator: cardinality === 'few' ? pick(CURATORS) : `curator_${Math.floor(next() * curators)}`,
      chain: pick(CHAINS),
      mcap_bucket: pick(cardinality === 'few' ? CAPS : ALL_CAPS),
      vol_bucket: pick(cardinality === 'few' ? VOLS : ALL_VOLS),
      mapping_confidence: pick(CONFIDENCES),
      intent: pick(INTENTS),
    }
    if (cardinality === 'distinct') {
      levers.age_bucket = pick(ALL_AGES)
      levers.mcap_vol_ratio_bucket = pick(ALL_RATIOS)
    }
    yield {
      event_id: uuid(),
      revision: 0,
      voided: false,
      position_id: uuid(),
      trade_id: hex(12),
      symbol: 'TOKEN',
      token_contract: `0x${hex(40)}`,
      chain: levers.chain as string,
      timeframe: pick(TIMEFRAMES),
      decision_type: 'trim',
      opened_at: closed_at - 3_600_000,
      closed_at,
      entry_price: 1 + next(),
      exit_price: 1 + next(),
      rr,
      return: rr / 10,
      max_drawdown: 0.1,
      max_gain: 0.3,
      unscored_reason: null,
      ...UNSAID,
      levers,
      measures: { age_at_entry: 5 },
      regime_context: {},
      source: 'pm',
    }
  }
}
