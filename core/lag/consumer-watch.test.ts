import { expect, test, vi } from 'vitest'
import { createMemoryRunner, hand } from '../../test/support/memory-runner.ts'
import { watchConsumer } from './consumer-watch.ts'

/** A consumer that holds a partition to whose end it has read, and the watch over it; its time goes by as fast as it can. */
async function watched() {
  const { memory, runner: make, batch, range } = createMemoryRunner()
  range.end = 3
  const runner = make()
  await runner.assigned(0, null)
  await hand(runner, batch(0, [0, 1, 2]))
  let now = 0
  const seek = vi.fn()
  const watch = watchConsumer({
    consumer: 'c',
    group: 'g',
    topic: 't',
    holder: 'h',
    checkpoints: memory.checkpoints,
    log: { offsets: async () => [{ partition: 0, ...range }], timestamps: async () => new Map() },
    clock: {
      now: () => now,
      monotonic: () => now,
      async sleep(ms) {
        now += ms
        await new Promise((resolve) => setImmediate(resolve))
      },
    },
    subscription: { partitions: () => [0], joined: () => true, failure: () => undefined, seek },
    runner,
  })
  return { memory, runner, watch, seek, batch, elapsed: () => now }
}

test('regression: a claim that a dead process took is taken back although nothing comes that would show it', async () => {
  const { memory, runner, watch, batch, elapsed } = await watched()
  await vi.waitFor(() => expect(watch.reason()).toBeNull())
  await memory.checkpoints.claim({ consumer: 'c', topic: 't', partition: 0 }, 'a dead one')
  const since = elapsed()
  await vi.waitFor(() => expect(memory.row).toMatchObject({ holder: 'h', epoch: 3 }))
  await vi.waitFor(() => expect(watch.reason()).toBeNull())
  // a zombie hears of it first: it would take the claim from its holder again and again
  expect(elapsed() - since).toBeGreaterThan(10_000)
  await watch.stop()
  await hand(runner, batch(3, [3]))
  expect(memory.row).toMatchObject({ epoch: 3, checkpoint: 4 })
})

test('regression: a checkpoint that went back, noticed by a gap at the end of the log, is followed although nothing comes behind it', async () => {
  const { memory, runner, watch, seek } = await watched()
  memory.row = { ...memory.row!, checkpoint: 1, version: 1 }
  const control = { isActive: () => true, seek: () => {}, commitOffset: async () => {} }
  await runner.passed({ partition: 0, from: 3, next: 5 }, control)
  expect(runner.known().size).toBe(0)
  await vi.waitFor(() => expect(seek).toHaveBeenCalledWith(0, 1))
  expect(runner.known().get(0)).toBe(1)
  await watch.stop()
})

test('a checkpoint that went back is followed although nothing is read that would show it', async () => {
  const { memory, runner, watch, seek, batch } = await watched()
  memory.row = { ...memory.row!, checkpoint: 1, version: 1 }
  for (const offset of [1, 2]) memory.applied.delete(offset)
  await vi.waitFor(() => expect(seek).toHaveBeenCalledWith(0, 1))
  await watch.stop()
  await hand(runner, batch(1, [1, 2])) // claims anew, and sends the log there
  await hand(runner, batch(1, [1, 2]))
  expect([...memory.applied.keys()].sort()).toEqual([0, 1, 2])
})

test('regression: a gap that the log reports beyond where we stand sends it back there, once', async () => {
  const { memory, runner, watch } = await watched()
  const seeks: number[] = []
  const control = { isActive: () => true, seek: (to: number) => seeks.push(to), commitOffset: async () => {} }
  await runner.passed({ partition: 0, from: 5, next: 7 }, control)
  await runner.passed({ partition: 0, from: 5, next: 7 }, control)
  expect(seeks).toEqual([3])
  expect(memory.row).toMatchObject({ checkpoint: 3 })
  await runner.passed({ partition: 0, from: 3, next: 7 }, control)
  expect(memory.row).toMatchObject({ checkpoint: 7 })
  await watch.stop()
})

test('regression: a gap at the end of the log that our own late claim keeps from being passed is passed after all', async () => {
  const { memory, runner, watch, seek } = await watched()
  await memory.checkpoints.claim({ consumer: 'c', topic: 't', partition: 0 }, 'h') // asked twice: the first answer was lost, its request came late
  const control = { isActive: () => true, seek: () => {}, commitOffset: async () => {} }
  await runner.passed({ partition: 0, from: 3, next: 5 }, control)
  await vi.waitFor(() => expect(seek).toHaveBeenCalledWith(0, 3))
  await runner.passed({ partition: 0, from: 3, next: 5 }, control)
  expect(memory.row).toMatchObject({ checkpoint: 5, epoch: 3 })
  await watch.stop()
})
