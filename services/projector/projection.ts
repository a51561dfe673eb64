/** A chunk of the log into `ad_strands`: one transaction per chunk, under the claim of its partition. */
import type { Codec } from '../../core/codec/codec.ts'
import { DecodeError, isSchemaUnknown } from '../../core/codec/codec.ts'
import type { LogRecord } from '../../core/log/log.ts'
import { seenOf } from '../../core/runner/last-record.ts'
import type { Applied, Chunk, ChunkProcessor, Claim, Waits } from '../../core/runner/partition-runner.ts'
import type { Store } from '../../core/store/store.ts'
import { type StrandRow, strandOf } from '../../domain/strand.ts'
import { checkEvent, type RejectReason } from '../../domain/validation.ts'

export interface ProjectionEvents {
  /** A record that can never be applied. The learner dead-letters it; here it is passed over. */
  skipped?(reason: RejectReason, record: LogRecord): void
  /** Strands that changed; a replay changes none. */
  written?(strands: number): void
  /** Strands that `ad_strands` refuses: they are in `strandline.set_aside`, with the reason. */
  setAside?(strands: number): void
  /** Trades of the time before `ad_strands` was adopted: they get no row there. */
  kept?(strands: number): void
}

type Answer =
  | { status: 'ok'; written: number; adopted: number; kept: number; set_aside: number }
  | { status: 'fenced' | 'stale' }

export function createProjection(
  consumer: string,
  store: Store,
  codec: Codec,
  events: ProjectionEvents = {},
): ChunkProcessor {
  return {
    async apply(claim, chunk): Promise<Applied> {
      const rows = await strands(claim, chunk)
      if ('status' in rows) return rows
      const answer = await store.rpc<Answer>('strandline_projector_commit', {
        p_consumer: consumer,
        p_topic: claim.topic,
        p_partition: claim.partition,
        p_epoch: claim.epoch,
        p_version: claim.version,
        p_next: chunk.next,
        p_commit: chunk.commitId,
        p_rows: JSON.stringify(rows.rows),
        p_seen: seenOf(claim, chunk),
      })
      if (answer.status !== 'ok') return { status: answer.status }
      for (const { reason, record } of rows.skipped) events.skipped?.(reason, record)
      events.written?.(answer.written + answer.adopted)
      if (answer.set_aside > 0) events.setAside?.(answer.set_aside)
      if (answer.kept > 0) events.kept?.(answer.kept)
      return { status: 'ok' }
    },
    forget: () => undefined, // nothing is cached
  }

  async function strands({ topic, partition }: Claim, chunk: Chunk) {
    const rows: StrandRow[] = []
    const skipped: { reason: RejectReason; record: LogRecord }[] = []
    let waits: Waits | undefined
    for (const record of chunk.records) {
      try {
        const reason = await project(record, (row) => rows.push(row), { topic, partition })
        if (reason) skipped.push({ reason, record })
      } catch (error) {
        if (!isSchemaUnknown(error)) throw error
        // what else is denied waits at the same time
        if (!waits) await codec.ahead?.(chunk.records.map((r) => r.value))
        waits ??= { status: 'waits', offset: record.offset, error }
      }
    }
    if (waits) return waits
    return { rows, skipped }
  }

  async function project(
    record: LogRecord,
    keep: (row: StrandRow) => void,
    place: { topic: string; partition: number },
  ): Promise<RejectReason | null> {
    if (record.value === null) return 'empty_value'
    try {
      const event = await codec.decode(record.value, record.timestamp)
      const rejection = checkEvent(event, record.key, record.timestamp)
      if (rejection) return rejection.reason
      keep(strandOf(event, { ...place, offset: record.offset }))
      return null
    } catch (error) {
      if (error instanceof DecodeError) return error.reason
      throw error
    }
  }
}
