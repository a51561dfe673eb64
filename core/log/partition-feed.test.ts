import { expect, test } from 'vitest'
import { createLimit } from './limit.ts'
import type { LogBatch } from './log.ts'
import { createPartitionFeed, type Item } from './partition-feed.ts'

const batch = (from: number, next: number, more: Partial<LogBatch> = {}): LogBatch => ({
  topic: 't',
  partition: 0,
  fetchedOffset: from,
  nextOffset: next,
  highWatermark: 100 + next,
  records: Array.from({ length: next - from }, (_, i) => ({
    offset: from + i,
    timestamp: 0,
    key: Buffer.from('k'),
    value: Buffer.from('value'),
    headers: {},
  })),
  ...more,
})
const shown = (item: Item) =>
  'gap' in item ? `gap ${item.gap.from}-${item.gap.next}` : `${item.batch.records.map((r) => r.offset)}`

/** A handler that is told when to end each call. */
function slowHandler() {
  const seen: string[] = []
  const items: Item[] = []
  const ends: PromiseWithResolvers<void>[] = []
  const handle = (item: Item) => {
    seen.push(shown(item))
    items.push(item)
    const end = Promise.withResolvers<void>()
    ends.push(end)
    return end.promise
  }
  return { seen, items, ends, handle }
}
const turn = () => new Promise((resolve) => setImmediate(resolve))

test('what comes while the handler works is handed over as one batch, in order, up to a gap', async () => {
  const { seen, items, ends, handle } = slowHandler()
  const feed = createPartitionFeed(handle, createLimit(1))
  feed.push({ batch: batch(0, 2) })
  await turn()
  feed.push({ batch: batch(2, 3) })
  feed.push({ batch: batch(3, 5) })
  feed.push({ gap: { partition: 0, from: 5, next: 7 } })
  feed.push({ batch: batch(7, 8, { afterGap: true }) })
  feed.push({ batch: batch(9, 10) }) // does not follow
  expect(seen).toEqual(['0,1'])
  expect(feed.waiting()).toBe(5 * 6)
  for (let i = 0; i < 5; i++) {
    ends[i]!.resolve()
    await turn()
  }
  expect(seen).toEqual(['0,1', '2,3,4', 'gap 5-7', '7', '9'])
  expect(items[1]).toMatchObject({ batch: { fetchedOffset: 2, nextOffset: 5, highWatermark: 105 } })
  await feed.idle()
  expect(feed.waiting()).toBe(0)
})

test('what is cleared is not handed over, not even what comes next in the same turn', async () => {
  const { seen, ends, handle } = slowHandler()
  const feed = createPartitionFeed(handle, createLimit(1))
  feed.push({ batch: batch(0, 1) })
  feed.push({ batch: batch(5, 6) })
  feed.push({ batch: batch(8, 9) })
  await turn()
  feed.clear()
  ends[0]!.resolve()
  await feed.idle()
  expect(seen).toEqual(['0'])
  feed.push({ batch: batch(1, 2) })
  await turn()
  expect(seen).toEqual(['0', '1'])
})

test('a handler that fails ends what waits, and the next batch is handed over again', async () => {
  const seen: string[] = []
  const feed = createPartitionFeed(async (item) => {
    seen.push(shown(item))
    if (seen.length === 1) throw new Error('no')
  }, createLimit(1))
  feed.push({ batch: batch(0, 1) })
  feed.push({ batch: batch(7, 8) })
  await feed.idle()
  expect(seen).toEqual(['0'])
  feed.push({ batch: batch(0, 1) })
  await feed.idle()
  expect(seen).toEqual(['0', '0'])
})

test('no more feeds are handled at once than the limit says; room is told', async () => {
  const limit = createLimit(2)
  const handlers = [0, 1, 2].map(() => slowHandler())
  const feeds = handlers.map(({ handle }) => createPartitionFeed(handle, limit))
  for (const feed of feeds) feed.push({ batch: batch(0, 1) })
  await turn()
  expect(handlers.map(({ seen }) => seen.length)).toEqual([1, 1, 0])
  feeds[2]!.push({ batch: batch(1, 2) })
  let room = false
  void feeds[2]!.taken().then(() => (room = true))
  await turn()
  expect(room).toBe(false)
  handlers[0]!.ends[0]!.resolve()
  await turn()
  expect(handlers[2]!.seen).toEqual(['0,1'])
  expect(room).toBe(true)
})
