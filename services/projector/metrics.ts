/** What the projector counts besides what every consumer does (core/runner/metrics.ts). Names and units as Prometheus' conventions ask. */
import { Counter, type Registry } from 'prom-client'
import type { Logger } from '../../core/logger.ts'
import { REJECT_REASONS } from '../../domain/validation.ts'
import type { ProjectionEvents } from './projection.ts'

export function projectionEvents(registry: Registry, logger: Logger): Required<ProjectionEvents> {
  const registers = [registry]
  const written = new Counter({
    name: 'strandline_projector_strands_written_total',
    help: 'Strands inserted or replaced by a higher revision.',
    registers,
  })
  const setAside = new Counter({
    name: 'strandline_projector_strands_set_aside_total',
    help: 'Strands that ad_strands refused, by a constraint or for the type of a column; strandline.set_aside has each one with the reason.',
    registers,
  })
  const kept = new Counter({
    name: 'strandline_projector_strands_kept_total',
    help: 'Trades that closed before ad_strands was adopted: they get no row there, and are in strandline.position_closed_strands.',
    registers,
  })
  const skipped = new Counter({
    name: 'strandline_projector_records_skipped_total',
    help: 'Records that can never become a strand, by reason; the learner dead-letters them.',
    labelNames: ['reason'],
    registers,
  })
  for (const reason of REJECT_REASONS) skipped.inc({ reason }, 0)
  return {
    skipped({ reason, record: { offset } }) {
      skipped.inc({ reason })
      logger.debug({ reason, offset }, `no strand for the record at offset ${offset}: ${reason}`)
    },
    written: (strands) => written.inc(strands),
    setAside(strands) {
      setAside.inc(strands)
      logger.warn(
        { strands },
        `ad_strands refuses ${strands} strands: strandline.set_aside has each one with the reason (kind projection).`,
      )
    },
    kept: (strands) => kept.inc(strands),
  }
}
