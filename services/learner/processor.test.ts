import { pino } from 'pino'
import { describe, expect, it } from 'vitest'
import { FlatEvent } from '../../core/codec/flat-event.ts'
import { loadModel } from '../../core/load-model.ts'
import type { Chunk, Claim } from '../../core/runner/chunk-processor.ts'
import type { Trade } from '../../domain/learning/trade.ts'
import type { CheckedEvent } from '../../domain/validation.ts'
import { closedTrade } from '../../test/support/closed-trade.ts'
import { recordsOf } from '../../test/support/feed.ts'
import type { LearnerCommit } from './commit.ts'
import type { LearnerStore } from './learner-store.ts'
import { createLearnerProcessor } from './processor.ts'
import { CACHE_SIZE } from './sums-cache.ts'

const tradesOf = ({ fresh: { table, rows } }: LearnerCommit) => rows.map((row) => table.read(row))

/** A ledger in memory, and what was asked of it. `empty`: what the database says of a partition's sums. */
function setup({ empty = false } = {}) {
  const ledger = new Map<string, Trade>()
  const reads: { ids: string[]; keys: string[] }[] = []
  const commits: LearnerCommit[] = []
  const store: LearnerStore = {
    modelVersion: { model_version: 1, sums: 1, build: 1, active: true, consumer: 'c' },
    async read(_partition, ids, cells) {
      reads.push({ ids, keys: cells.map((c) => c.group.key) })
      return { version: 0, checkpoint: null, empty, trades: ids.flatMap((id) => ledger.get(id) ?? []), sums: [] }
    },
    async commit(c) {
      const fresh = tradesOf(c)
      const seen = fresh.filter((t) => ledger.has(t.id)).map((t) => t.id)
      if (seen.length > 0) return { status: 'seen', ids: seen }
      commits.push(c)
      for (const t of fresh) ledger.set(t.id, t)
      return { status: 'ok' }
    },
  }
  const processor = createLearnerProcessor({
    model: loadModel('lowcap-v4'),
    store,
    decode(value) {
      const event = new FlatEvent()
      event.fill(JSON.parse(String(value)) as CheckedEvent)
      return event
    },
    deadLetters: { send: async () => [], applied: async () => {} },
    logger: pino({ level: 'silent' }),
  })
  return { processor, reads, commits }
}

const records = (curators: string[], from = 0) =>
  recordsOf(
    curators.map((curator) => ({
      key: 'k',
      value: Buffer.from(JSON.stringify(closedTrade({ position_id: curator, levers: { curator }, measures: {} }))),
    })),
  ).map((r) => ({ ...r, offset: r.offset + from }))

const claimAt = (checkpoint: number | null): Claim => ({ topic: 't', partition: 0, epoch: 1, version: 0, checkpoint })
const chunkOf = (all: ReturnType<typeof records>, replay = false): Chunk => ({
  records: all,
  next: (all.at(-1)?.offset ?? 0) + 1,
  replay,
  commitId: 'id',
})

describe('a chunk of new trades', () => {
  it('is committed without asking the ledger, and its groups are read once', async () => {
    const { processor, reads, commits } = setup()
    const claim = claimAt(null)
    expect(await processor.apply(claim, chunkOf(records(['a', 'b'])))).toEqual({ status: 'ok' })
    expect(reads.map((r) => r.ids)).toEqual([[]])
    expect(commits).toHaveLength(1)
    await processor.apply(claim, chunkOf(records(['c'], 2)))
    expect(reads[1]?.keys).toEqual(['c', 'curator=c'])
  })

  it('that has one which the ledger knows is folded again without it, and the next chunks ask first', async () => {
    const { processor, reads, commits } = setup()
    await processor.apply(claimAt(null), chunkOf(records(['a'])))
    const claim = claimAt(1)
    await processor.apply(claim, chunkOf(records(['a', 'b'], 1)))
    expect(tradesOf(commits[1]!).map((t) => t.offset)).toEqual([2])
    reads.length = 0
    await processor.apply(claim, chunkOf(records(['c'], 3)))
    expect(reads[0]?.ids).toHaveLength(1)
  })
})

describe('the first chunk of a claim, with many groups', () => {
  const many = records(Array.from({ length: 300 }, (_, i) => `c${i}`))

  it('reads none of them where the partition has no sums', async () => {
    const { processor, reads, commits } = setup({ empty: true })
    await processor.apply(claimAt(null), chunkOf(many))
    expect(reads).toEqual([{ ids: [], keys: [] }])
    expect(tradesOf(commits[0]!)).toHaveLength(300)
  })

  it('reads all of them where it has some, and the next chunk does not ask again', async () => {
    const { processor, reads } = setup()
    const claim = claimAt(null)
    await processor.apply(claim, chunkOf(many))
    expect(reads.map((r) => r.keys.length)).toEqual([0, 603])
    reads.length = 0
    await processor.apply(
      claim,
      chunkOf(
        records(
          many.map((_, i) => `d${i}`),
          300,
        ),
      ),
    )
    expect(reads.map((r) => r.keys.length)).toEqual([600])
  })
})

describe('a replay', () => {
  it('of what the ledger has commits nothing', async () => {
    const { processor, commits } = setup()
    await processor.apply(claimAt(null), chunkOf(records(['a', 'b'])))
    const answer = await processor.apply(claimAt(2), chunkOf(records(['a', 'b']), true))
    expect(answer).toEqual({ status: 'ok', committed: false })
    expect(commits).toHaveLength(1)
  })

  it('applies what the ledger lacks', async () => {
    const { processor, commits } = setup()
    await processor.apply(claimAt(null), chunkOf(records(['a', 'c'])))
    await processor.apply(claimAt(3), chunkOf(records(['a', 'b', 'c']), true))
    expect(tradesOf(commits[1]!).map((t) => t.offset)).toEqual([1])
  })

  it('of any length keeps no more groups in memory than the cache holds', async () => {
    const { processor, reads } = setup()
    const many = Array.from({ length: CACHE_SIZE + 10 }, (_, i) => `c${i}`)
    await processor.apply(claimAt(null), chunkOf(records(['a', ...many])))
    const claim = claimAt(CACHE_SIZE + 11)
    await processor.apply(claim, chunkOf(records(['a']), true))
    await processor.apply(claim, chunkOf(records(many, 1), true))
    reads.length = 0
    await processor.apply(claim, chunkOf(records(['a']), true))
    expect(reads[0]?.keys).toContain('a')
  })
})
