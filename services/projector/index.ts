/** The projector: every closed trade of the log becomes, or corrects, one strand in `ad_strands`. For readers of the system that was there before. */
import { positionClosedType } from '../../core/codec/position-closed-codec.ts'
import { startConsumer } from '../../core/runner/consumer.ts'
import { PROJECTOR_CONSUMER } from '../../core/runner/consumer-names.ts'
import type { Service, ServiceDeps } from '../../core/service.ts'
import { type CheckpointStore, createCheckpointStore } from '../../core/store/checkpoint-store.ts'
import type { PositionClosed } from '../../domain/event.ts'
import { projectionEvents } from './metrics.ts'
import { createProjection } from './projection.ts'
import { createStrandStore, type StrandStore } from './strand-store.ts'

export const PROJECTOR_GROUP = 'strandline-projector'

export interface ProjectorStores {
  checkpoints: CheckpointStore
  strands: StrandStore
}

const databaseStores = ({ store, config }: ServiceDeps): ProjectorStores => ({
  checkpoints: createCheckpointStore(store),
  strands: createStrandStore(store, PROJECTOR_CONSUMER, config.sync),
})

export const startProjector = (
  deps: ServiceDeps,
  { checkpoints, strands }: ProjectorStores = databaseStores(deps),
): Promise<Service> =>
  startConsumer<PositionClosed>(deps, {
    service: 'projector',
    consumer: PROJECTOR_CONSUMER,
    group: PROJECTOR_GROUP,
    reads: positionClosedType,
    concurrency: 6, // all partitions of a topic as we make it: those of one fetch rest together
    maxChunk: 500, // about 1 MB of JSON, far from a hosted project's statement timeout of 8 s
    paceMs: 500, // strands are for readers of the old system: half a second later at most, at a fraction of the cost
    checkpoints,
    processor: (decode) => createProjection(strands, decode, projectionEvents(deps.metrics, deps.logger)),
  })
