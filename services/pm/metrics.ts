/** What the PM counts. Names and units as Prometheus' conventions ask. */
import { Counter, Gauge, Histogram, type Registry } from 'prom-client'
import { OTHERS, TIMEFRAMES } from '../../domain/timeframe.ts'

export type PmMetrics = ReturnType<typeof pmMetrics>

export function pmMetrics(registry: Registry) {
  const registers = [registry]
  const metrics = {
    executions: new Counter({
      name: 'strandline_pm_executions_total',
      help: 'Execution reports, by outcome: recorded, duplicate, refused.',
      labelNames: ['outcome'],
      registers,
    }),
    closes: new Counter({
      name: 'strandline_pm_closes_total',
      help: 'Trades closed, by timeframe, by what closed them (report, tick, post) and whether they could be scored.',
      labelNames: ['timeframe', 'by', 'scored'],
      registers,
    }),
    closeSeconds: new Histogram({
      name: 'strandline_pm_close_duration_seconds',
      help: 'Time to score and close one trade in the database.',
      buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5],
      registers,
    }),
    lateScores: new Counter({
      name: 'strandline_pm_late_scores_total',
      help: 'Trades that got their R/R, or another one, after the close, because bars arrived late.',
      labelNames: ['timeframe'],
      registers,
    }),
    provisional: new Gauge({
      name: 'strandline_pm_provisional_trades',
      help: 'Trades whose R/R is provisional, as not all of their bars are stored; counted by the last tick of their timeframe.',
      labelNames: ['timeframe'],
      registers,
    }),
    leftOut: new Counter({
      name: 'strandline_pm_left_out_total',
      help: 'Fields and keys of closed trades that were left out because they are too long or no text; the trades count for the rest.',
      registers,
    }),
    refusedCloses: new Gauge({
      name: 'strandline_pm_unclosable_positions',
      help: 'Positions that hold nothing and cannot be closed, e.g. for a price that is none; counted by the last tick of their timeframe.',
      labelNames: ['timeframe'],
      registers,
    }),
    ticks: new Counter({
      name: 'strandline_pm_ticks_total',
      help: 'Ticks, by timeframe and outcome (done, failed).',
      labelNames: ['timeframe', 'outcome'],
      registers,
    }),
    bridged: new Counter({
      name: 'strandline_pm_bridge_strands_total',
      help: 'Strands of somebody else that were settled, by outcome: published, known (the log had the trade), failed, refused (the database would not take it; tried again).',
      labelNames: ['outcome'],
      registers,
    }),
  }
  // A counter that exists from the start has no first increment that rate() would miss.
  for (const outcome of ['recorded', 'duplicate', 'refused']) metrics.executions.inc({ outcome }, 0)
  for (const outcome of ['published', 'known', 'failed', 'refused']) metrics.bridged.inc({ outcome }, 0)
  for (const timeframe of [...TIMEFRAMES, OTHERS]) {
    for (const outcome of ['done', 'failed']) metrics.ticks.inc({ timeframe, outcome }, 0)
    metrics.refusedCloses.set({ timeframe }, 0)
    metrics.lateScores.inc({ timeframe }, 0)
    metrics.provisional.set({ timeframe }, 0)
  }
  return metrics
}

export type RelayMetrics = ReturnType<typeof relayMetrics>

export function relayMetrics(registry: Registry) {
  const registers = [registry]
  const metrics = {
    depth: new Gauge({ name: 'strandline_outbox_depth_rows', help: 'Events that wait to be published.', registers }),
    refused: new Gauge({
      name: 'strandline_outbox_refused_rows',
      help: 'Events that the log or the schema refuses: they wait for a person.',
      registers,
    }),
    held: new Gauge({
      name: 'strandline_outbox_held_rows',
      help: 'Events whose exit lies in the future by the clock of the log: they wait until that time has come.',
      registers,
    }),
    age: new Gauge({
      name: 'strandline_outbox_oldest_age_seconds',
      help: 'Age of the oldest event that waits to be published; 0 when none does. Those that are refused do not count.',
      registers,
    }),
    published: new Counter({
      name: 'strandline_outbox_published_total',
      help: 'Events that this relay published, re-publications included.',
      registers,
    }),
    failures: new Counter({
      name: 'strandline_outbox_failures_total',
      help: 'Attempts to publish that failed, by cause: log (no broker), registry, event (the row itself).',
      labelNames: ['cause'],
      registers,
    }),
    publishSeconds: new Histogram({
      name: 'strandline_outbox_publish_duration_seconds',
      help: 'Time from taking a batch of events to its acknowledgement by the log.',
      buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30],
      registers,
    }),
  }
  for (const cause of ['log', 'registry', 'event']) metrics.failures.inc({ cause }, 0)
  return metrics
}
