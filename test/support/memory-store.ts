/**
 * The checkpoints of consumers in memory, with a ledger that counts every application: to run a partition runner through thousands of interleavings.
 * The rules are those of `strandline_claim`, `strandline_checkpoint`, `strandline.fence` and `strandline.advance`; the real ones run in test/learner.
 */
import { StrandlineError } from '../../core/errors.ts'
import type { Applied, Chunk, ChunkProcessor, Claim } from '../../core/runner/chunk-processor.ts'
import type { LogCheckpoint } from '../../core/runner/last-record.ts'
import type { Store } from '../../core/store/store.ts'

export interface MemoryStore {
  store: Store
  processor: ChunkProcessor
  row:
    | ({
        epoch: number
        version: number
        checkpoint: number | null
        last_commit: string | null
      } & Partial<LogCheckpoint>)
    | null
  /** How often each offset took effect. */
  applied: Map<number, number>
  /** Sizes of the chunks that were committed. */
  chunks: number[]
  /** Called before and after each transaction; what they throw, the caller gets in place of an answer. */
  before: (what: string, chunk?: Chunk) => void | Promise<void>
  after: (what: string, chunk?: Chunk) => void | Promise<void>
}

export const unreachable = () => new StrandlineError('STORE_UNREACHABLE', 'no answer')

export function createMemoryStore(): MemoryStore {
  const memory: MemoryStore = {
    row: null,
    applied: new Map(),
    chunks: [],
    before: () => {},
    after: () => {},
    store: {
      async rpc<T>(fn: string): Promise<T> {
        await memory.before(fn)
        let answer: object | null
        if (fn === 'strandline_claim') {
          memory.row ??= { epoch: 0, version: 0, checkpoint: null, last_commit: null }
          memory.row.epoch++
          const { epoch, version, checkpoint, topic_id, last_record } = memory.row
          answer = { epoch, version, checkpoint, topic_id, last_record }
        } else answer = memory.row && { ...memory.row }
        await memory.after(fn)
        return answer as T
      },
    },
    processor: {
      async apply(claim: Claim, chunk: Chunk): Promise<Applied> {
        await memory.before('commit', chunk)
        const { row } = memory
        if (!row || row.epoch !== claim.epoch) return { status: 'fenced' }
        if (row.version !== claim.version || row.checkpoint !== claim.checkpoint) return { status: 'stale' }
        // Below the checkpoint the ledger makes it a no-op; from there on the checkpoint alone must do.
        for (const { offset } of chunk.records)
          if (offset >= (row.checkpoint ?? 0) || !memory.applied.has(offset))
            memory.applied.set(offset, (memory.applied.get(offset) ?? 0) + 1)
        row.checkpoint = Math.max(row.checkpoint ?? chunk.next, chunk.next)
        row.version++
        row.last_commit = chunk.commitId
        memory.chunks.push(chunk.records.length)
        await memory.after('commit', chunk)
        return { status: 'ok' }
      },
      forget: () => {},
    },
  }
  return memory
}
