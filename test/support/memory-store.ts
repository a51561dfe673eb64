/**
 * The memory adapter's checkpoints with a ledger that counts every application: to run a partition runner through thousands of interleavings.
 * It has one partition, whose row a test can write as it likes.
 */
import { StrandlineError } from '../../core/errors.ts'
import type { Applied, Chunk, ChunkProcessor, Claim } from '../../core/runner/chunk-processor.ts'
import type { LogCheckpoint } from '../../core/runner/last-record.ts'
import type { CheckpointStore, Standing } from '../../core/store/checkpoint-store.ts'
import {
  advance,
  type CheckpointRow,
  checkpointsOf,
  createMemoryCheckpoints,
  fence,
  placeOf,
  unclaimed,
} from '../../core/store/memory/checkpoints.ts'
import { createMemoryDatabase } from '../../core/store/memory/database.ts'

export interface MemoryStore {
  checkpoints: CheckpointStore
  processor: ChunkProcessor
  row: Row | null
  /** How often each offset took effect. */
  applied: Map<number, number>
  /** Sizes of the chunks that were committed. */
  chunks: number[]
  /** Called before and after each transaction; what they throw, the caller gets in place of an answer. */
  before: (what: string, chunk?: Chunk) => void | Promise<void>
  after: (what: string, chunk?: Chunk) => void | Promise<void>
}

type Row = Standing & Partial<LogCheckpoint>

const OF = { consumer: 'c', topic: 't', partition: 0 }

export const unreachable = () => new StrandlineError('STORE_UNREACHABLE', 'no answer')

export function createMemoryStore(): MemoryStore {
  const db = createMemoryDatabase()
  const rows = checkpointsOf(db)
  const checkpoints = createMemoryCheckpoints(db)
  const put = (row: CheckpointRow): void => db.transaction(() => rows.put(placeOf(OF), row))

  function write(column: string | symbol, value: unknown): boolean {
    put({ ...(rows.get(placeOf(OF)) as CheckpointRow), [column]: value })
    return true
  }

  async function within<T>(what: string, work: () => Promise<T>): Promise<T> {
    await memory.before(what)
    const answer = await work()
    await memory.after(what)
    return answer
  }

  const memory: MemoryStore = {
    get row(): Row | null {
      const row = rows.get(placeOf(OF))
      return row ? new Proxy(row, { set: (_, column, value) => write(column, value) }) : null
    },
    set row(row: Row | null) {
      if (row) put({ ...unclaimed(OF), ...row })
      else db.transaction(() => rows.remove(placeOf(OF)))
    },
    applied: new Map(),
    chunks: [],
    before: () => {},
    after: () => {},
    checkpoints: {
      claim: (of, holder) => within('claim', () => checkpoints.claim(of, holder)),
      read: (of) => within('read', () => checkpoints.read(of)),
      list: checkpoints.list,
    },
    processor: {
      async apply(claim: Claim, chunk: Chunk): Promise<Applied> {
        await memory.before('commit', chunk)
        const status = db.transaction(() => {
          const held = fence(db, { ...OF, ...claim })
          if (held !== 'ok') return held
          // Below the checkpoint the ledger makes it a no-op; from there on the checkpoint alone must do.
          for (const { offset } of chunk.records)
            if (offset >= (claim.checkpoint ?? 0) || !memory.applied.has(offset))
              memory.applied.set(offset, (memory.applied.get(offset) ?? 0) + 1)
          advance(db, OF, { ...chunk, seen: null })
          return held
        })
        if (status !== 'ok') return { status }
        memory.chunks.push(chunk.records.length)
        await memory.after('commit', chunk)
        return { status }
      },
      forget: () => {},
    },
  }
  return memory
}
