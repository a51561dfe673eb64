/** The projector: every closed trade of the log becomes, or corrects, one strand in `ad_strands`. For readers of the system that was there before. */
import { EVENT_FIELDS } from '../../core/codec/position-closed-codec.ts'
import { startConsumer } from '../../core/runner/consumer.ts'
import { PROJECTOR_CONSUMER } from '../../core/runner/consumer-names.ts'
import type { StartService } from '../../core/service.ts'
import { projectionEvents } from './metrics.ts'
import { createProjection } from './projection.ts'

export const PROJECTOR_GROUP = 'strandline-projector'

export const startProjector: StartService = (deps) =>
  startConsumer(deps, {
    service: 'projector',
    consumer: PROJECTOR_CONSUMER,
    group: PROJECTOR_GROUP,
    fields: EVENT_FIELDS,
    concurrency: 3, // the database is the limit, not the decoding
    maxChunk: 500, // about 1 MB of JSON, far from a hosted project's statement timeout of 8 s
    processor: (decode) =>
      createProjection(PROJECTOR_CONSUMER, deps.store, decode, {
        sync: deps.config.sync,
        events: projectionEvents(deps.metrics, deps.logger),
      }),
  })
