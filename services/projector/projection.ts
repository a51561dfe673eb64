/** A chunk of the log into `ad_strands`: one transaction per chunk, under the claim of its partition. */
import type { Decode } from '../../core/codec/decoder.ts'
import type { ChunkProcessor } from '../../core/runner/chunk-processor.ts'
import { seenOf } from '../../core/runner/last-record.ts'
import { type Refused, readEvents } from '../../core/runner/read-events.ts'
import type { PositionClosed } from '../../domain/event.ts'
import { type StrandRow, strandOf } from '../../domain/strand.ts'
import { checkEvent } from '../../domain/validation.ts'
import type { StrandStore } from './strand-store.ts'

export interface ProjectionEvents {
  /** A record that can never be applied. The learner dead-letters it; here it is passed over. */
  skipped?(refused: Refused): void
  /** Strands that changed; a replay changes none. */
  written?(strands: number): void
  /** Strands that `ad_strands` refuses: they are in `strandline.set_aside`, with the reason. */
  setAside?(strands: number): void
  /** Trades of the time before `ad_strands` was adopted: they get no row there. */
  kept?(strands: number): void
}

export function createProjection(
  strands: StrandStore,
  decode: Decode<PositionClosed>,
  events: ProjectionEvents = {},
): ChunkProcessor {
  return {
    async apply(claim, chunk) {
      const { topic, partition } = claim
      const rows: StrandRow[] = []
      const refused = await readEvents(decode, chunk.records, checkEvent, (event, { offset }) =>
        rows.push(strandOf(event, { topic, partition, offset })),
      )
      if ('status' in refused) return refused
      const { next, commitId } = chunk
      const answer = await strands.commit({ claim, commitId, next, rows, seen: seenOf(claim, chunk) })
      if (answer.status !== 'ok') return { status: answer.status }
      for (const one of refused) events.skipped?.(one)
      events.written?.(answer.written + answer.adopted)
      if (answer.set_aside > 0) events.setAside?.(answer.set_aside)
      if (answer.kept > 0) events.kept?.(answer.kept)
      return { status: 'ok' }
    },
    forget: () => undefined, // nothing is cached
  }
}
