import { expect, test } from 'vitest'
import type { LoopState } from './state.ts'
import { watchLoop } from './watch-loop.ts'

const never = () => new Promise<never>(() => undefined)

/** Engines that are asked and say nothing, and a clock that goes on once somebody listens. */
function watchSilence(rpc: () => Promise<unknown> = never, offsets: () => Promise<unknown> = never, histories = {}) {
  let now = 0
  const sleep = async (ms: number) => {
    await new Promise((resolve) => setTimeout(resolve, 1))
    now += ms
  }
  const deps = {
    config: { topic: 't' },
    store: { rpc },
    log: { offsets },
    clock: { now: () => now, sleep },
  }
  return watchLoop(deps as unknown as Parameters<typeof watchLoop>[0], { histories } as Parameters<typeof watchLoop>[1])
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

test('where the log is read no further that is said, and not what was read before as if it were the newest', async () => {
  const refused = async () => Promise.reject(new Error('not asked here'))
  const version = async () => ({ definition: {} })
  const loop = watchSilence(version, refused, { open: never, progress: async () => null })
  const found = await new Promise<string>((resolve) => {
    loop.listen(({ problems }) => {
      const said = problems.find((p) => p.what.startsWith('The newest trades'))
      if (said) resolve(said.what)
    })
  })
  expect(found).toMatch(/^The newest trades have not been read from the log for \d+ s\.$/)
  await loop.stop()
})
