/** What the decision maker counts. */
import { Histogram, type Registry } from 'prom-client'

export function decisionMetrics(registry: Registry) {
  return {
    seconds: new Histogram({
      name: 'strandline_decision_request_duration_seconds',
      help: 'Time to answer a request for an allocation or the timeframe split, by outcome.',
      labelNames: ['request', 'outcome'],
      buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5],
      registers: [registry],
    }),
  }
}
