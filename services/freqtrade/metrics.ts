/** What the connector to a Freqtrade counts. */
import { Counter, Gauge, type Registry } from 'prom-client'

export function freqtradeMetrics(registry: Registry) {
  const registers = [registry]
  const metrics = {
    trades: new Counter({
      name: 'strandline_freqtrade_trades_total',
      help: 'Closed trades of the bot that were read, by outcome: new, known (the outbox had it), unusable.',
      labelNames: ['outcome'],
      registers,
    }),
    failures: new Counter({
      name: 'strandline_freqtrade_failed_looks_total',
      help: 'Looks at the bot that failed: it, or the database, was away.',
      registers,
    }),
    websocket: new Gauge({
      name: 'strandline_freqtrade_websocket_up',
      help: '1 while the messages of the bot are heard.',
      registers,
    }),
  }
  for (const outcome of ['new', 'known', 'unusable']) metrics.trades.inc({ outcome }, 0)
  return metrics
}

export type FreqtradeMetrics = ReturnType<typeof freqtradeMetrics>
