/** What the learner counts besides what every consumer does (core/runner/metrics.ts). Names and units as Prometheus' conventions ask. */
import type { Logger } from 'pino'
import { Counter, type Registry } from 'prom-client'
import { MAX_KEY_BYTES } from '../../domain/limits.ts'
import { REJECT_REASONS } from '../../domain/validation.ts'
import type { LearnerEvents } from './processor.ts'

const OUTCOMES = ['applied', 'corrected', 'duplicate', 'other_model'] as const

/** Learners of several model versions in one process share the counters. */
type Counters = ReturnType<typeof registerCounters>
const registered = new WeakMap<Registry, Counters>()
const TRADES = 'strandline_learner_trades_total'

/** A registry that was cleared has forgotten them. */
function countersOf(registry: Registry): Counters {
  const known = registered.get(registry)
  if (known && registry.getSingleMetric(TRADES) === known.trades) return known
  const made = registerCounters(registry)
  registered.set(registry, made)
  return made
}

function registerCounters(registry: Registry) {
  const registers = [registry]
  const trades = new Counter({
    name: TRADES,
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
  const leftOut = new Counter({
    name: 'strandline_learner_left_out_total',
    help: 'Trades that do not count for a lever or an interaction, because its value or key is too long; they count for the rest.',
    labelNames: ['name'],
    registers,
  })
  for (const outcome of OUTCOMES) trades.inc({ outcome }, 0)
  for (const reason of REJECT_REASONS) deadLetters.inc({ reason }, 0)
  return { trades, deadLetters, leftOut }
}

export function createLearnerMetrics(registry: Registry, logger: Logger): LearnerEvents {
  const { trades, deadLetters, leftOut } = countersOf(registry)
  const told = new Set<string>()
  return {
    applied(result) {
      const fresh = result.applied - result.corrections
      if (fresh > 0) trades.inc({ outcome: 'applied' }, fresh)
      if (result.corrections > 0) trades.inc({ outcome: 'corrected' }, result.corrections)
      if (result.duplicates > 0) trades.inc({ outcome: 'duplicate' }, result.duplicates)
    },
    deadLetter: (reason) => deadLetters.inc({ reason }),
    notForModel: (count) => trades.inc({ outcome: 'other_model' }, count),
    leftOut(name, trade) {
      leftOut.inc({ name })
      if (told.has(name)) return
      told.add(name) // once is enough to find the writer; the metric counts
      logger.warn(
        trade,
        `A trade does not count for ${name}: its key has more than ${MAX_KEY_BYTES} bytes. It counts for the rest.`,
      )
    },
  }
}
