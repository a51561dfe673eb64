/** What the learner counts besides what every consumer does (core/runner/metrics.ts). Names and units as Prometheus' conventions ask. */
import { Counter, type Registry } from 'prom-client'
import { REJECT_REASONS } from '../../core/validation.ts'
import type { LearnerEvents } from './processor.ts'

const OUTCOMES = ['applied', 'corrected', 'duplicate', 'other_model'] as const

export function createLearnerMetrics(registry: Registry): LearnerEvents {
  const registers = [registry]
  const trades = new Counter({
    name: 'strandline_learner_trades_total',
    help: 'Trades by what became of them: applied, corrected, duplicate, other_model.',
    labelNames: ['outcome'],
    registers,
  })
  const deadLetters = new Counter({
    name: 'strandline_learner_dead_letters_total',
    help: 'Records that could not be applied, by reason.',
    labelNames: ['reason'],
    registers,
  })
  for (const outcome of OUTCOMES) trades.inc({ outcome }, 0)
  for (const reason of REJECT_REASONS) deadLetters.inc({ reason }, 0)
  return {
    applied(result) {
      const fresh = result.applied - result.corrections
      if (fresh > 0) trades.inc({ outcome: 'applied' }, fresh)
      if (result.corrections > 0) trades.inc({ outcome: 'corrected' }, result.corrections)
      if (result.duplicates > 0) trades.inc({ outcome: 'duplicate' }, result.duplicates)
    },
    deadLetter: (reason) => deadLetters.inc({ reason }),
    notForModel: (count) => trades.inc({ outcome: 'other_model' }, count),
  }
}
