/** The learner on its service's own path, but fed by hand: one record a chunk, each of them timed, without a broker in between. */
import { randomUUID } from 'node:crypto'
import { frame, positionClosedSchema, positionClosedType } from '../../core/codec/position-closed-codec.ts'
import { createRegistryClient } from '../../core/codec/registry.ts'
import { StrandlineError } from '../../core/errors.ts'
import type { BatchControl, EventLog, PartitionHandler } from '../../core/log/log.ts'
import type { PositionClosed } from '../../domain/event.ts'
import { startLearner } from '../../services/learner/index.ts'
import { openDeps } from './deps.ts'
import { serve } from './serve.ts'

let topic: string
const next = new Map<number, number>()
let handler: PartitionHandler
let schemaId: number

/** The log, but for reading: whoever consumes it is handed what `apply` gets. */
function fedByHand(log: EventLog, partitions: number): EventLog {
  return {
    ...log,
    async consume(_options, given) {
      handler = given
      return {
        stop: async () => {},
        seek: () => undefined,
        partitions: () => [],
        joined: () => true,
        failure: () => undefined,
      }
    },
    offsets: async () =>
      Array.from({ length: partitions }, (_, partition) => ({ partition, start: 0, end: Number.MAX_SAFE_INTEGER })),
  }
}

serve({
  /** The topic as far as it is learned; what is fed follows behind it. */
  async open(log: { topic: string; partitions: number }): Promise<void> {
    topic = log.topic
    const { deps } = openDeps({ topic })
    schemaId = await createRegistryClient(deps.config.registry).register(`${topic}-value`, positionClosedSchema)
    await startLearner({ ...deps, log: fedByHand(deps.log, log.partitions) })
    for (let p = 0; p < log.partitions; p++) next.set(p, (await handler.assigned(p, null)) ?? 0)
  },
  /** Milliseconds from the record in hand to its transaction committed. */
  async apply({ event, partition }: { event: PositionClosed; partition: number }): Promise<number> {
    const offset = next.get(partition) as number
    let committed: number | undefined
    const control: BatchControl = {
      heartbeat: async () => {},
      isActive: () => true,
      seek: (to) => {
        throw new StrandlineError('ENGINE_FAILED', `The learner went back to ${to} instead of committing ${offset}.`)
      },
      commitOffset: async (to) => {
        committed = to
      },
    }
    const record = {
      offset,
      timestamp: Date.now(),
      key: Buffer.from(event.position_id || randomUUID()),
      value: frame(schemaId, positionClosedType.toBuffer(event)),
      headers: {},
    }
    const started = performance.now()
    await handler.batch(
      {
        topic,
        partition,
        fetchedOffset: offset,
        nextOffset: offset + 1,
        highWatermark: offset + 1,
        records: [record],
      },
      control,
    )
    const ms = performance.now() - started
    if (committed !== offset + 1) throw new StrandlineError('ENGINE_FAILED', `Offset ${offset} was not committed.`)
    next.set(partition, offset + 1)
    return ms
  },
})
