/** What is fetched ahead, and what becomes of it when reading is sent back, interrupted, or the partition assigned anew. */
import { expect, test } from 'vitest'
import { createHeldPartitions, type HeldPartition } from './held-partitions.ts'
import type { BatchControl, LogBatch } from './log.ts'

/** A handler that says of each batch what it is told to do; each call waits to be ended. */
function stage() {
  const seen: string[] = []
  const sought: number[] = []
  const failures: Error[] = []
  const calls: { control: BatchControl; end: PromiseWithResolvers<void> }[] = []
  const held = createHeldPartitions(
    {
      assigned: async () => 0,
      revoked: async () => {},
      batch({ records }, control) {
        seen.push(`${records.map((r) => r.offset)}`)
        const end = Promise.withResolvers<void>()
        calls.push({ control, end })
        return end.promise
      },
      async passed({ from, next }) {
        seen.push(`gap ${from}-${next}`)
      },
    },
    {
      seek: (_, offset) => void sought.push(offset),
      heartbeat: async () => {},
      commitOffset: () => {},
      ended: () => failures.length > 0,
      fail: (error) => void failures.push(error),
    },
    3,
  )
  return { held, seen, sought, failures, calls }
}

const push = ({ feed }: HeldPartition, from: number, next: number, afterGap = false) =>
  feed.push({ batch: batch(from, next, afterGap) })
const batch = (from: number, next: number, afterGap: boolean): LogBatch => ({
  topic: 't',
  partition: 0,
  fetchedOffset: from,
  afterGap,
  nextOffset: next,
  highWatermark: 100,
  records: Array.from({ length: next - from }, (_, i) => ({
    offset: from + i,
    timestamp: 0,
    key: null,
    value: null,
    headers: {},
  })),
})
const turn = () => new Promise((resolve) => setImmediate(resolve))

test('what was fetched before reading was sent back is not handed over', async () => {
  const { held, seen, sought, calls } = stage()
  const partition = held.hold(0)
  push(partition, 0, 2)
  await turn()
  push(partition, 2, 3)
  partition.feed.push({ gap: { partition: 0, from: 3, next: 5 } })
  push(partition, 5, 6, true)
  calls[0]!.control.seek(0)
  expect(calls[0]!.control.isActive()).toBe(false)
  calls[0]!.end.resolve()
  await turn()
  push(partition, 0, 1)
  await turn()
  expect([seen, sought]).toEqual([['0,1', '0'], [0]])
})

test('what was fetched under an earlier assignment is not handed over under the next', async () => {
  const { held, seen, calls } = stage()
  const before = held.hold(0)
  push(before, 0, 2)
  await turn()
  const now = held.hold(0)
  push(before, 2, 3) // its fetch was under way
  push(now, 7, 8)
  expect(calls[0]!.control.isActive()).toBe(false)
  calls[0]!.end.resolve()
  await turn()
  expect(seen).toEqual(['0,1', '7'])
  await Promise.all(held.release([0]))
  push(now, 8, 9)
  calls[1]!.end.resolve()
  await turn()
  expect([seen, held.partitions()]).toEqual([['0,1', '7'], []])
})

test('a batch that a failed heartbeat interrupts is read again from where it began', async () => {
  const { held, seen, sought, failures, calls } = stage()
  const partition = held.hold(0)
  push(partition, 0, 2)
  await turn()
  push(partition, 2, 3)
  calls[0]!.end.reject(Object.assign(new Error('no answer'), { name: 'KafkaJSConnectionError' }))
  await turn()
  expect([seen, sought, failures]).toEqual([['0,1'], [0], []])
})

test('a handler that fails for good ends its member', async () => {
  const { held, sought, failures, calls } = stage()
  push(held.hold(0), 0, 2)
  await turn()
  calls[0]!.end.reject(new Error('a fault of ours'))
  await turn()
  expect([sought, failures.map((f) => f.message)]).toEqual([[], ['a fault of ours']])
})
