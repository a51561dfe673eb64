import { beforeEach, describe, expect, it } from 'vitest'
import { createMemoryRunner, hand } from '../../test/support/memory-runner.ts'
import { unreachable } from '../../test/support/memory-store.ts'
import { StrandlineError } from '../errors.ts'
import { digestOf } from './last-record.ts'

let world: ReturnType<typeof createMemoryRunner>
beforeEach(() => {
  world = createMemoryRunner()
})

describe('where reading starts', () => {
  it.each<[string, number, number | null | 'earliest', number]>([
    ['at the checkpoint when the group has no offset', 50, null, 50],
    ['at the checkpoint when the group is there too', 50, 50, 50],
    ['at the checkpoint when the group ran ahead', 50, 70, 50],
    ["at the group's offset when it was moved back", 50, 20, 20],
    ['at the start of the log when it was moved back beyond that', 50, 3, 10],
    ['at the start of the log when it was reset to the earliest', 50, 'earliest', 10],
  ])('%s', async (_, checkpoint, committed, start) => {
    world.range = { start: 10, end: 100 }
    world.memory.row = { epoch: 4, version: 9, checkpoint, last_commit: null }
    expect(await world.runner().assigned(0, committed)).toBe(start)
    expect(world.memory.row?.epoch).toBe(5)
  })

  it('at the start of the log when nothing was read, wherever the group stands', async () => {
    expect(await world.runner().assigned(0, 70)).toBe(0)
    expect(world.memory.row?.epoch).toBe(1)
  })

  it('nowhere when nothing was read and the log has lost its beginning, unless that is accepted, and said', async () => {
    world.range = { start: 10, end: 100 }
    await expect(world.runner().assigned(0, 70)).rejects.toMatchObject({
      code: 'LOG_TRUNCATED',
      message: expect.stringMatching(/^t\/0 begins at offset 10: .* would know only what is left/),
      todo: expect.stringContaining('STRANDLINE_ACCEPT_TRUNCATED_LOG=yes'),
    })
    world.acceptTruncated = true
    expect(await world.runner().assigned(0, 70)).toBe(10)
    expect(world.warnings).toEqual([expect.stringMatching(/^t\/0 begins at offset 10; .* which is accepted/)])
  })

  it('nowhere as long as the log may not be read; which is said, and asked again', async () => {
    let asked = 0
    let reason: string | null = null
    const runner = world.runner()
    world.admit = async () => {
      reason = runner.retrying()
      if (asked++ < 3) throw new StrandlineError('LOG_SETTINGS', 'The topic t forgets.')
    }
    expect(await runner.assigned(0, null)).toBe(0)
    expect(reason).toBe('The topic t forgets.')
    expect(runner.retrying()).toBeNull()
  })

  it.each([
    ['the log begins after the checkpoint', 5, /records are gone/],
    ['the log ends before the checkpoint', 101, /not the log that the database knows/],
  ])('nowhere when %s', async (_, checkpoint, message) => {
    world.range = { start: 10, end: 100 }
    world.memory.row = { epoch: 1, version: 1, checkpoint, last_commit: null }
    await expect(world.runner().assigned(0, null)).rejects.toMatchObject({
      code: 'LOG_CHECKPOINT_LOST',
      message: expect.stringMatching(message),
    })
  })

  it('is found however long the broker and the database are away, and said to be missing meanwhile', async () => {
    world.offsetsFail = 30
    let claims = 0
    world.memory.before = (what) => {
      if (what === 'claim' && claims++ < 30) throw unreachable()
    }
    const runner = world.runner()
    const start = runner.assigned(0, null)
    await new Promise((resolve) => setImmediate(resolve))
    expect(await start).toBe(0)
    expect(runner.retrying()).toBeNull()
  })

  it('is not looked for any more once the partition was taken away', async () => {
    world.memory.before = () => {
      throw unreachable()
    }
    const runner = world.runner()
    const start = runner.assigned(0, null)
    await runner.revoked(0)
    expect(await start).toBeNull()
  })
})

describe('a partition that was taken away', () => {
  it('regression: is not claimed when the turn of an earlier assignment comes: its next holder would be fenced', async () => {
    const runner = world.runner()
    await runner.assigned(0, null)
    const commit = Promise.withResolvers<void>()
    world.memory.before = (what) => (what === 'commit' ? commit.promise : undefined)
    const working = hand(runner, world.batch(0, [0]))
    const again = runner.assigned(0, null) // waits for the batch
    const revoked = runner.revoked(0)
    commit.resolve()
    expect(await again).toBeNull()
    await Promise.all([working, revoked])
    expect(world.memory.row?.epoch).toBe(1)
  })
})

describe('a batch that does not start where we stand', () => {
  it('from below is applied from there on', async () => {
    const runner = world.runner()
    await runner.assigned(0, null)
    await hand(runner, world.batch(0, [0, 1, 2]))
    expect(await hand(runner, world.batch(1, [1, 2, 3, 5]))).toMatchObject({ soughtOffset: null, committed: [6] })
    expect([...world.memory.applied]).toEqual([0, 1, 2, 3, 5].map((o) => [o, 1]))
  })

  it('from above sends the log back', async () => {
    const runner = world.runner()
    await runner.assigned(0, null)
    expect((await hand(runner, world.batch(7, [7]))).soughtOffset).toBe(0)
    expect(world.memory.applied.size).toBe(0)
  })

  it('from above again, after a gap that the log found from where it was sent to, follows', async () => {
    const runner = world.runner()
    await runner.assigned(0, null)
    const afterGap = world.batch(7, [7], { afterGap: true })
    expect((await hand(runner, afterGap)).soughtOffset).toBe(0)
    expect(await hand(runner, afterGap)).toMatchObject({ soughtOffset: null, committed: [8] })
    expect(world.memory.row?.checkpoint).toBe(8)
    // and the next gap is asked for anew
    expect((await hand(runner, world.batch(12, [12], { afterGap: true }))).soughtOffset).toBe(8)
  })

  it('from above again, without the log saying why, is sent back again', async () => {
    const runner = world.runner()
    await runner.assigned(0, null)
    for (let i = 0; i < 3; i++) expect((await hand(runner, world.batch(7, [7]))).soughtOffset).toBe(0)
    expect(world.memory.applied.size).toBe(0)
  })

  it('because the log lost what we need is an error', async () => {
    const runner = world.runner()
    await runner.assigned(0, null)
    await hand(runner, world.batch(0, [0]))
    world.range = { start: 5, end: 100 }
    await expect(hand(runner, world.batch(5, [5]))).rejects.toMatchObject({ code: 'LOG_CHECKPOINT_LOST' })
  })

  it('because the log was made anew is an error, though its offsets are below ours', async () => {
    const runner = world.runner()
    await runner.assigned(0, null)
    await hand(runner, world.batch(0, [0, 1, 2, 3]))
    world.range = { start: 0, end: 2 }
    await expect(hand(runner, world.batch(0, [0, 1]))).rejects.toMatchObject({ code: 'LOG_CHECKPOINT_LOST' })
  })

  it('while the broker is away waits for it, and loses nothing', async () => {
    const runner = world.runner()
    await runner.assigned(0, null)
    world.offsetsFail = 10
    expect((await hand(runner, world.batch(7, [7]))).soughtOffset).toBe(0)
  })

  it('of a replay may lack what the log no longer has', async () => {
    world.memory.row = { epoch: 1, version: 1, checkpoint: 50, last_commit: null }
    const runner = world.runner()
    expect(await runner.assigned(0, 20)).toBe(20)
    world.range = { start: 30, end: 100 }
    expect(await hand(runner, world.batch(30, [30]))).toMatchObject({ soughtOffset: null, committed: [31] })
  })
})

describe('a chunk that another one follows', () => {
  const followed = async (maxChunk: number, offsets: number[], waitsAt?: number) => {
    const told: [number, boolean | undefined][] = []
    const { apply } = world.memory.processor
    let waited = false
    world.memory.processor.apply = async (claim, chunk) => {
      const at = chunk.records.findIndex((r) => r.offset === waitsAt)
      if (at >= 0 && !waited) {
        waited = at === 0
        return {
          status: 'waits',
          offset: waitsAt as number,
          error: new StrandlineError('REGISTRY_SCHEMA_UNKNOWN', 'later'),
        }
      }
      told.push([chunk.records.length, chunk.more])
      return apply(claim, chunk)
    }
    const runner = world.runner(maxChunk)
    await runner.assigned(0, null)
    await hand(runner, world.batch(0, offsets))
    return told
  }

  it('is told so; the last of a batch is not', async () => {
    expect(await followed(2, [0, 1, 2, 3, 4])).toEqual([
      [2, true],
      [2, true],
      [1, false],
    ])
  })

  it('is none where what follows waits: that may take long', async () => {
    expect(await followed(10, [0, 1, 2, 3, 4], 3)).toEqual([
      [3, false],
      [2, false],
    ])
  })
})

describe('a commit whose answer is lost', () => {
  it.each(['before', 'after'] as const)('%s it took effect counts once', async (when) => {
    const runner = world.runner()
    await runner.assigned(0, null)
    let lost = 3
    world.memory[when] = (what) => {
      if (what === 'commit' && lost-- > 0) throw unreachable()
    }
    await hand(runner, world.batch(0, [0, 1, 4]))
    expect([...world.memory.applied]).toEqual([0, 1, 4].map((o) => [o, 1]))
    expect(world.memory.row?.checkpoint).toBe(5)
  })

  it('and that still takes effect after we asked does not count twice', async () => {
    const runner = world.runner()
    await runner.assigned(0, null)
    let late: (() => Promise<unknown>) | undefined
    const apply = world.memory.processor.apply
    world.memory.processor.apply = async (claim, chunk) => {
      if (late) return apply(claim, chunk)
      const then = { ...claim }
      late = () => apply(then, chunk)
      throw unreachable()
    }
    world.memory.after = async (what) => {
      if (what !== 'read') return
      world.memory.after = () => {}
      await late?.() // our question was answered; now it lands
    }
    await hand(runner, world.batch(0, [0, 1, 2]))
    expect([...world.memory.applied]).toEqual([0, 1, 2].map((o) => [o, 1]))
  })
})

describe('a claim that is gone', () => {
  it('because a zombie took it is taken back, and reading goes on where the database stands', async () => {
    const runner = world.runner()
    await runner.assigned(0, null)
    await hand(runner, world.batch(0, [0, 1]))
    world.memory.row!.epoch++
    expect(await hand(runner, world.batch(2, [2, 3]))).toMatchObject({ soughtOffset: 2, committed: [] })
    expect(await hand(runner, world.batch(2, [2, 3]))).toMatchObject({ soughtOffset: null, committed: [4] })
    expect([...world.memory.applied.values()]).toEqual([1, 1, 1, 1])
  })

  it('because the state was thrown away starts from the beginning of the log, not from where we stood', async () => {
    const runner = world.runner()
    await runner.assigned(0, null)
    await hand(runner, world.batch(0, [0, 1, 2]))
    world.memory.row = null
    world.memory.applied.clear()
    expect((await hand(runner, world.batch(3, [3]))).soughtOffset).toBe(0)
    await hand(runner, world.batch(0, [0, 1, 2, 3]))
    expect([...world.memory.applied]).toEqual([0, 1, 2, 3].map((o) => [o, 1]))
  })

  it('and whose state is thrown away while we ask what became of a commit does too', async () => {
    const runner = world.runner()
    await runner.assigned(0, null)
    world.memory.before = (what) => {
      if (what !== 'commit') return
      world.memory.before = () => {}
      world.memory.row = null
      throw unreachable()
    }
    expect((await hand(runner, world.batch(0, [0, 1]))).soughtOffset).toBe(0)
    await hand(runner, world.batch(0, [0, 1]))
    expect([...world.memory.applied]).toEqual([0, 1].map((o) => [o, 1]))
  })

  it('keeps a replay going that was under way', async () => {
    world.memory.row = { epoch: 1, version: 1, checkpoint: 50, last_commit: null }
    const runner = world.runner()
    await runner.assigned(0, 20)
    world.memory.row.epoch++
    expect((await hand(runner, world.batch(20, [20, 21]))).soughtOffset).toBe(20)
  })

  it('and was not taken back, as a heartbeat failed, is taken at the next batch', async () => {
    const runner = world.runner()
    await runner.assigned(0, null)
    world.memory.row!.epoch++
    const heartbeat = async () => {
      throw new Error('connection closed')
    }
    await expect(hand(runner, world.batch(0, [0]), { heartbeat })).rejects.toThrow('connection closed')
    expect((await hand(runner, world.batch(0, [0]))).soughtOffset).toBe(0)
    expect((await hand(runner, world.batch(0, [0]))).committed).toEqual([1])
  })
})

describe('a database that refuses', () => {
  it.each(['STORE_REJECTED', 'STORE_UNREACHABLE'] as const)('large chunks (%s) gets smaller ones', async (code) => {
    const runner = world.runner()
    await runner.assigned(0, null)
    world.memory.before = (_, chunk) => {
      if (chunk && chunk.records.length > 3) throw new StrandlineError(code, 'too much')
    }
    const offsets = Array.from({ length: 100 }, (_, i) => i)
    for (let at = 0; at < 100; at = world.memory.row?.checkpoint ?? 0)
      await hand(runner, world.batch(at, offsets.slice(at)))
    expect([...world.memory.applied.values()]).toEqual(offsets.map(() => 1))
    expect(Math.max(...world.memory.chunks)).toBeLessThanOrEqual(3)
    world.memory.before = () => {}
    await hand(
      runner,
      world.batch(
        100,
        Array.from({ length: 400 }, (_, i) => 100 + i),
      ),
    )
    expect(Math.max(...world.memory.chunks), 'they grow again').toBeGreaterThan(100)
  })

  it('one record hands its batch back, so that other partitions get their turn, and says so', async () => {
    const runner = world.runner()
    await runner.assigned(0, null)
    world.memory.before = (_, chunk) => {
      if (chunk?.records.some((r) => r.offset === 1)) throw new StrandlineError('STORE_REJECTED', 'no')
    }
    for (let i = 0; i < 3; i++)
      expect((await hand(runner, world.batch(0, [0, 1, 2]))).soughtOffset).toBe(i === 0 ? 1 : 1)
    expect(runner.retrying()).toBe('no')
    expect([...world.memory.applied.keys()]).toEqual([0])
    world.memory.before = () => {}
    await hand(runner, world.batch(1, [1, 2]))
    expect(runner.retrying()).toBeNull()
    expect([...world.memory.applied.keys()]).toEqual([0, 1, 2])
  })

  it('for a reason of our own stops us: a fault is not retried for ever', async () => {
    const runner = world.runner()
    await runner.assigned(0, null)
    world.memory.before = (what) => {
      if (what === 'commit') throw new TypeError('a bug')
    }
    await expect(hand(runner, world.batch(0, [0]))).rejects.toThrow('a bug')
  })
})

describe('a gap with nothing behind it', () => {
  const pass = async (runner: ReturnType<typeof world.runner>, from: number, next: number) => {
    const seen = { soughtOffset: [] as number[], committed: [] as number[] }
    const control = {
      isActive: () => true,
      seek: (offset: number) => void seen.soughtOffset.push(offset),
      commitOffset: async (offset: number) => void seen.committed.push(offset),
    }
    await runner.passed({ partition: 0, from, next }, control)
    return seen
  }

  it('moves the checkpoint, in the database and in the group', async () => {
    const runner = world.runner()
    await runner.assigned(0, null)
    await hand(runner, world.batch(0, [0, 1]))
    expect(await pass(runner, 2, 7)).toEqual({ soughtOffset: [], committed: [7] })
    expect(world.memory.row?.checkpoint).toBe(7)
    expect((await hand(runner, world.batch(7, [7]))).committed).toEqual([8])
    expect([...world.memory.applied.keys()]).toEqual([0, 1, 7])
  })

  it.each([
    ['begins above where we stand', 3, 7, [2]],
    ['lies behind us', 0, 2, []],
  ])('that %s moves nothing', async (_, from, next, soughtOffset) => {
    const runner = world.runner()
    await runner.assigned(0, null)
    await hand(runner, world.batch(0, [0, 1]))
    expect(await pass(runner, from, next)).toEqual({ soughtOffset, committed: [] })
    expect(world.memory.row?.checkpoint).toBe(2)
  })

  it('regression: behind records that are known already moves the checkpoint', async () => {
    const runner = world.runner()
    await runner.assigned(0, null)
    await hand(runner, world.batch(0, [0, 1]))
    await hand(runner, { ...world.batch(0, [0, 1]), nextOffset: 5 })
    expect(world.memory.row?.checkpoint).toBe(5)
  })

  it.each(['before', 'after'] as const)('is asked for again when the answer is lost %s the commit', async (when) => {
    const runner = world.runner()
    await runner.assigned(0, null)
    let faults = 1
    world.memory[when] = (what) => {
      if (what === 'commit' && faults-- > 0) throw unreachable()
    }
    expect((await pass(runner, 0, 5)).soughtOffset).toEqual([0])
    expect(runner.retrying()).toBe('no answer')
    let tries = 0
    while ((await pass(runner, 0, 5)).soughtOffset.length > 0) expect(++tries).toBeLessThan(3)
    expect(world.memory.row?.checkpoint).toBe(5)
    expect(runner.retrying()).toBeNull()
    expect((await hand(runner, world.batch(5, [5]))).committed).toEqual([6])
  })

  it('is left to the next batch where another has claimed the partition', async () => {
    const runner = world.runner()
    await runner.assigned(0, null)
    world.memory.row!.epoch++
    expect(await pass(runner, 0, 5)).toEqual({ soughtOffset: [], committed: [] })
    expect(world.memory.row?.checkpoint).toBeNull()
  })
})

describe('the log is the one that the checkpoint was made on', () => {
  const record = (offset: number, value = 'v') => ({
    offset,
    timestamp: 1_000 + offset,
    key: Buffer.from('k'),
    value: Buffer.from(value),
  })
  const last = (offset: number, value?: string) => {
    const r = record(offset, value)
    return { offset, time: r.timestamp, digest: digestOf(r), event_id: 'event-x' }
  }
  const row = { epoch: 1, version: 1, checkpoint: 51, last_commit: null, topic_id: 'A', last_record: last(49) }

  it('when its id and the last record are the same', async () => {
    Object.assign(world, { topicId: 'A', records: new Map([[49, record(49)]]) })
    world.memory.row = { ...row }
    expect(await world.runner().assigned(0, null)).toBe(51)
  })

  it.each([
    ['the broker has no ids', { topicId: null }],
    ['an older version noted nothing', { row: { topic_id: null, last_record: null } }],
    ['the record itself is gone from the middle', { records: new Map() }],
    ['the record itself is gone from the beginning', { range: { start: 50, end: 1_000 }, records: new Map() }],
  ])('as far as one can tell, when %s', async (_, { row: changes = {}, ...differs }: object & { row?: object }) => {
    Object.assign(world, { topicId: 'A', records: new Map([[49, record(49)]]) }, differs)
    world.memory.row = { ...row, ...changes }
    expect(await world.runner().assigned(0, null)).toBe(51)
  })

  it.each([
    ['its id is another one', { topicId: 'B' }, /its id is B, and c has read the one with the id A/],
    ['another record lies there', { records: new Map([[49, record(49, 'other')]]) }, /the event event-x of/],
    [
      'the record was written at another time',
      { records: new Map([[49, { ...record(49), timestamp: 5 }]]) },
      /of 1970/,
    ],
  ])('not when %s', async (_, differs, message) => {
    Object.assign(world, { topicId: 'A', records: new Map([[49, record(49)]]) }, differs)
    world.memory.row = { ...row }
    await expect(world.runner().assigned(0, null)).rejects.toMatchObject({
      code: 'LOG_CHECKPOINT_LOST',
      message: expect.stringMatching(message),
      todo: expect.stringContaining('docs/operations.md'),
    })
  })
})

it('regression: a chunk that others overtake again and again is told, not repeated in silence for ever', async () => {
  const runner = world.runner()
  await runner.assigned(0, null)
  world.memory.processor.apply = async () => ({ status: 'stale' })
  for (let i = 0; i < 3 && runner.retrying() === null; i++) await hand(runner, world.batch(0, [0, 1]))
  expect(runner.retrying()).toMatch(/^t\/0: .* from offset 0 on .* changed by others 1\d times in a row/)
  expect(world.warnings).toHaveLength(1)
})

describe('regression: a record that cannot be read yet', () => {
  it('holds back what lies behind it, and not what lies before it; why is said, and it is asked for again', async () => {
    const { apply } = world.memory.processor
    let readable = 3
    world.memory.processor.apply = async (claim, chunk) => {
      const first = chunk.records.find((r) => r.offset >= readable)
      if (!first) return apply(claim, chunk)
      return { status: 'waits', offset: first.offset, error: new StrandlineError('REGISTRY_SCHEMA_UNKNOWN', 'unknown') }
    }
    const runner = world.runner()
    await runner.assigned(0, null)
    expect(await hand(runner, world.batch(0, [0, 1, 2, 3, 4, 5]))).toEqual({ soughtOffset: 3, committed: [3] })
    expect(world.memory).toMatchObject({ chunks: [3], row: { checkpoint: 3 } })
    expect(runner.retrying()).toBe('unknown')
    readable = 5
    expect(await hand(runner, world.batch(3, [3, 4, 5]))).toEqual({ soughtOffset: 5, committed: [5] })
    readable = 9
    expect(await hand(runner, world.batch(5, [5]))).toEqual({ soughtOffset: null, committed: [6] })
    expect([...world.memory.applied]).toEqual([0, 1, 2, 3, 4, 5].map((o) => [o, 1]))
    expect(runner.retrying()).toBeNull()
  })
})

describe('regression: a checkpoint that went back under us', () => {
  /** A crash took the newest commits along, or an older state was restored: what `checkpoint` and the ledger said from there on is gone. */
  function goBack(
    world: ReturnType<typeof createMemoryRunner>,
    to: { checkpoint: number | null; version: number },
  ): void {
    Object.assign(world.memory.row!, { ...to, last_commit: null })
    for (const offset of world.memory.applied.keys())
      if (offset >= (to.checkpoint ?? 0)) world.memory.applied.delete(offset)
  }
  const ten = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]

  async function advanced() {
    const world = createMemoryRunner()
    const runner = world.runner(5) // two commits
    await runner.assigned(0, null)
    await hand(runner, world.batch(0, ten))
    expect(world.memory.row).toMatchObject({ checkpoint: 10, version: 2 })
    return { world, runner }
  }
  async function readsAgainFrom(offset: number, { world, runner }: Awaited<ReturnType<typeof advanced>>) {
    const { soughtOffset, committed } = await hand(runner, world.batch(10, [10, 11]))
    expect({ soughtOffset, committed }).toEqual({ soughtOffset: offset, committed: [] })
    await hand(runner, world.batch(offset, [...ten.slice(offset), 10, 11]))
    expect([...world.memory.applied].sort(([a], [b]) => a - b)).toEqual([...ten, 10, 11].map((o) => [o, 1]))
    expect(world.memory.row).toMatchObject({ checkpoint: 12 })
  }

  it('is followed', async () => {
    const it = await advanced()
    goBack(it.world, { checkpoint: 5, version: 1 })
    await readsAgainFrom(5, it)
    expect(it.world.warnings.join()).toContain('went back from 10 to 5')
  })

  it('is followed although the version is what we expect', async () => {
    const it = await advanced()
    goBack(it.world, { checkpoint: 5, version: 2 })
    await readsAgainFrom(5, it)
  })

  it('to nothing at all is followed', async () => {
    const it = await advanced()
    goBack(it.world, { checkpoint: null, version: 0 })
    await readsAgainFrom(0, it)
  })

  it('is followed where the answer to a commit was lost as well', async () => {
    const it = await advanced()
    it.world.memory.before = (what) => {
      if (what !== 'commit') return
      it.world.memory.before = () => {}
      goBack(it.world, { checkpoint: 5, version: 1 })
      throw unreachable()
    }
    await readsAgainFrom(5, it)
  })

  it('is followed in a gap', async () => {
    const it = await advanced()
    goBack(it.world, { checkpoint: 5, version: 1 })
    const control = { isActive: () => true, seek: () => {}, commitOffset: async () => {} }
    await it.runner.passed({ partition: 0, from: 10, next: 12 }, control)
    await readsAgainFrom(5, it)
  })

  it('is followed when somebody else sees it; what is not so is not believed', async () => {
    const it = await advanced()
    expect(it.runner.known()).toEqual(new Map([[0, 10]]))
    expect(await it.runner.rewind(0, 10)).toBe(false)
    goBack(it.world, { checkpoint: 5, version: 1 })
    expect(await it.runner.rewind(0, 5)).toBe(true)
    await readsAgainFrom(5, it)
  })
})

describe('a partition that another has claimed since', () => {
  it('is claimed again where we are told, goes on where it was, and is left alone once the group took it', async () => {
    const runner = world.runner()
    await runner.assigned(0, null)
    await hand(runner, world.batch(0, [0, 1, 2]))
    world.memory.row!.epoch++ // a member that was slow
    expect(await runner.claimAgain(0)).toBe(3)
    expect(world.memory.row).toMatchObject({ epoch: 3 })
    await hand(runner, world.batch(3, [3, 4]))
    expect(world.memory.row).toMatchObject({ epoch: 3, checkpoint: 5 })
    await runner.revoked(0)
    expect(await runner.claimAgain(0)).toBeNull()
    expect(world.memory.row).toMatchObject({ epoch: 3 })
  })

  it('regression: under the number of our own claim, as a restored dump has earlier ones, is claimed again too', async () => {
    const runner = world.runner()
    await runner.assigned(0, null)
    const { epoch } = world.memory.row!
    Object.assign(world.memory.row!, { epoch, holder: 'somebody-else' })
    expect(await runner.claimAgain(0)).not.toBeNull()
    expect(world.memory.row).toMatchObject({ epoch: epoch + 1 })
  })

  it('regression: is left to the batch that waits for its turn, so that whoever stops does not wait for a database that is away', async () => {
    const runner = world.runner()
    await runner.assigned(0, null)
    world.memory.row!.epoch++
    let claims = 0
    world.memory.before = async (what) => {
      await new Promise((resolve) => setImmediate(resolve))
      if (what === 'claim' && ++claims < 50) throw unreachable()
    }
    const again = runner.claimAgain(0)
    let stopping = false
    const working = hand(runner, world.batch(0, [0]), { isActive: () => !stopping })
    stopping = true
    await working
    expect(claims).toBeLessThan(5)
    expect(await again).toBeNull()
    world.memory.before = () => {}
    expect((await hand(runner, world.batch(0, [0]))).soughtOffset).toBe(0)
    expect((await hand(runner, world.batch(0, [0]))).committed).toEqual([1])
  })
})
