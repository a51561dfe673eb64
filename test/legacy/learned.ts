/** What the old learning system had left behind when it stopped: a table of coefficients by its own rule, and the configuration. */
import type { ClosedTrade } from './history.ts'
import type { Variant } from './variants.ts'

type Row = Record<string, unknown>

/** It stopped here: what closed later it never saw. */
const STOPPED = Date.UTC(2025, 11, 20)
const UPDATED = '2025-12-20T04:00:00+00:00'

/** Its rule: a moving average whose newest trade always weighs a half. */
function halving(rrs: number[]): number {
  return rrs.reduce((mean, rr, i) => (i === 0 ? rr : (mean + rr) / 2), 0)
}

/** Rows of learning_coefficients. */
export function oldCoefficients(trades: ClosedTrade[]): Row[] {
  const seen = trades
    .filter((t) => t.usable && t.rr !== null && t.closed_at < STOPPED)
    .sort((a, b) => a.closed_at - b.closed_at)
  const rrs = seen.map((t) => t.rr as number)
  const base = Math.max(0.1, halving(rrs))
  const row = (scope: string, name: string, key: string, of: number[], module = 'dm'): Row => {
    const mean = halving(of)
    const weight = Number(Math.min(2, Math.max(0.5, mean / base)).toFixed(4))
    return { module, scope, name, key, weight, rr_short: mean, rr_long: mean, n: of.length, updated_at: UPDATED }
  }
  const share = (i: number, of: number) => rrs.filter((_, at) => at % of === i)
  return [
    ...['0xdetweiler', 'moonboy', 'quiet_hand', 'LateNight'].map((c, i) => row('lever', 'curator', c, share(i, 4))),
    ...['solana', 'base', 'ethereum', 'bsc'].map((c, i) => row('lever', 'chain', c, share(3 - i, 4))),
    ...['<500k', '500k-1m', '1m-2m'].map((c, i) => row('lever', 'cap', c, share(i, 3))),
    ...['1m', '15m', '1h', '4h'].map((c, i) => row('lever', 'timeframe', c, share(i, 4))),
    row('interaction', 'interaction', 'chain=base|curator=moonboy', share(0, 16)),
    // Of levers and modules that Strandline's model does not know, and a value that no trade has.
    row('lever', 'curator', 'gone_since_2024', rrs.slice(0, 3)),
    row('lever', 'bucket_rank', 'top', share(1, 5)),
    row('pattern', 'uptrend', 'S3', share(2, 5), 'pm'),
    ...Array.from({ length: 60 }, (_, i) => row('pattern', 'exit', `stage-${i}`, share(i % 7, 7), 'pm')),
  ]
}

/** Rows of learning_configs. Each key but two belongs to people. */
export function oldConfigs({ configKey }: Variant): Row[] {
  return [
    {
      [configKey]: 'decision_maker',
      config_data: {
        global_rr: { rr_short: 1.25, rr_long: 1.1, n: 42, updated_at: UPDATED },
        timeframe_weights: {
          '1m': { weight: 0.05 },
          '15m': { weight: 0.125 },
          '1h': { weight: 0.7 },
          '4h': { weight: 0.125 },
        },
        risk: { max_allocation: 0.12 },
        enabled: true,
      },
    },
    { [configKey]: 'pm', config_data: { trims: [0.25, 0.5], note: 'by hand' } },
  ]
}
