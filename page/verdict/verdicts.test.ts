/** When a verdict is computed, and when the last one is served. */
import { expect, test } from 'vitest'
import type { Verdict } from '../../domain/verdict/verdict.ts'
import { createVerdicts, type VerdictDeps } from './verdicts.ts'

function stage() {
  const world = {
    end: 10,
    tried: [] as { hash: string; since: number; p: number }[],
    versions: [{ topic: 't', hash: 'h', dropping: false }],
    runs: [] as string[],
    now: 0,
    failure: null as Error | null,
    running: 0,
    most: 0,
  }
  const deps = {
    config: { topic: 't' },
    clock: { now: () => ++world.now } as VerdictDeps['clock'],
    log: { offsets: async () => [{ partition: 0, start: 0, end: world.end }] } as unknown as VerdictDeps['log'],
    store: {
      rpc: async (name: string) => (name === 'strandline_verdicts' ? [...world.tried] : [...world.versions]),
    } as unknown as VerdictDeps['store'],
    jobs: {
      async verdict({ models = ['h'], since = 0 }) {
        world.most = Math.max(world.most, ++world.running)
        world.runs.push(models.join())
        await new Promise((resolve) => setTimeout(resolve, 5))
        world.running--
        if (world.failure) throw world.failure
        // each model that is judged is noted, as judgeLog does
        for (const hash of models) {
          world.tried = world.tried.filter((t) => t.hash !== hash || t.since !== since)
          world.tried.push({ hash, since, p: 0.5 })
        }
        return { models: models.map((hash) => ({ hash, p: 0.5 })) } as unknown as Verdict
      },
    } satisfies VerdictDeps['jobs'],
  }
  return { world, verdicts: createVerdicts(deps) }
}

test('identical questions share one run, and the answer is kept', async () => {
  const { world, verdicts } = stage()
  const answers = await Promise.all([verdicts.ask({}), verdicts.ask({}), verdicts.ask({})])
  expect(new Set(answers).size).toBe(1)
  expect(await verdicts.ask({})).toBe(answers[0])
  expect(world.runs).toEqual(['h'])
})

test.each<[string, (world: ReturnType<typeof stage>['world']) => void]>([
  ['the log has grown', (world) => world.end++],
  ['another model was tried', (world) => world.tried.push({ hash: 'other', since: 0, p: 0.1 })],
  ['another model is learned', (world) => world.versions.push({ topic: 't', hash: 'new', dropping: false })],
])('it is computed anew once %s', async (_, change) => {
  const { world, verdicts } = stage()
  const before = await verdicts.ask({})
  change(world)
  const after = await verdicts.ask({})
  expect([after === before, world.runs.length]).toEqual([false, 2])
  expect(await verdicts.ask({})).toBe(after)
})

test('anew when it is asked for, and then that one is kept', async () => {
  const { world, verdicts } = stage()
  const before = await verdicts.ask({})
  const fresh = await verdicts.ask({}, true)
  expect(fresh).not.toBe(before)
  expect(await verdicts.ask({})).toBe(fresh)
  expect(world.runs).toHaveLength(2)
})

test('different questions take turns; a failure ends none but its own, and is not kept', async () => {
  const { world, verdicts } = stage()
  await Promise.all([verdicts.ask({ models: ['a'] }), verdicts.ask({ models: ['b'] }), verdicts.ask({ since: 5 })])
  expect([world.runs, world.most]).toEqual([['a', 'b', 'h'], 1])
  world.failure = new Error('no')
  await expect(verdicts.ask({ models: ['c'] })).rejects.toThrow('no')
  world.failure = null
  await verdicts.ask({ models: ['c'] })
  expect(world.runs.slice(3)).toEqual(['c', 'c'])
})
