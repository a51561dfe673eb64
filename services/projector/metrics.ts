/** What the projector counts besides what every consumer does (core/runner/metrics.ts). Names and units as Prometheus' conventions ask. */
import { Counter, type Registry } from 'prom-client'
import { REJECT_REASONS } from '../../core/validation.ts'

export function projectorMetrics(registry: Registry) {
  const registers = [registry]
  const written = new Counter({
    name: 'strandline_projector_strands_written_total',
    help: 'Strands inserted or replaced by a higher revision.',
    registers,
  })
  const skipped = new Counter({
    name: 'strandline_projector_records_skipped_total',
    help: 'Records that can never become a strand, by reason; the learner dead-letters them.',
    labelNames: ['reason'],
    registers,
  })
  for (const reason of REJECT_REASONS) skipped.inc({ reason }, 0)
  return { written, skipped }
}
