import { expect, test } from 'vitest'
import type { LoopState } from './state.ts'
import { watchLoop } from './watch-loop.ts'

/** Engines that are asked and say nothing, and a clock that goes on once somebody listens. */
function watchSilence() {
  let now = 0
  const never = () => new Promise<never>(() => undefined)
  const sleep = async (ms: number) => {
    await new Promise((resolve) => setTimeout(resolve, 1))
    now += ms
  }
  const deps = {
    config: { topic: 't' },
    store: { rpc: never },
    log: { offsets: never },
    clock: { now: () => now, sleep },
  }
  return watchLoop(deps as unknown as Parameters<typeof watchLoop>[0], {} as Parameters<typeof watchLoop>[1])
}

test('before the first look it is not said that nothing is wrong', () => {
  const loop = watchSilence()
  expect(loop.state().problems.map((p) => p.what)).toEqual([expect.stringMatching('has not been looked at yet')])
  expect(loop.failure()).not.toBeNull()
})

test('where nothing is answered that is said, for how long, and to those who listen', async () => {
  const loop = watchSilence()
  const told = await new Promise<LoopState[]>((resolve) => {
    const heard: LoopState[] = []
    loop.listen((state) => heard.push(state) === 3 && resolve(heard))
  })
  expect(told.map(({ problems }) => problems.map((p) => p.what))).toEqual(
    ['4 s', '8 s', '12 s'].map((time) => [`Database or Kafka has not answered for ${time}.`]),
  )
  expect(loop.state()).toBe(told.at(-1))
})
