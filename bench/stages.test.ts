import { expect, test } from 'vitest'
import { groupOf, type Profile, stagesOf, summarise } from './stages.ts'

const PROJECT = 'file:///home/someone/strandline'

test('code belongs to what it is there for, wherever the project lies', () => {
  expect(groupOf('readString', `${PROJECT}/node_modules/avsc/lib/utils.js`)).toBe('decode')
  expect(groupOf('eachBatch', `${PROJECT}/core/log/kafka-consumer.ts`)).toBe('fetch')
  expect(groupOf('decode', `${PROJECT}/node_modules/kafkajs-snappy/src/index.js`)).toBe('fetch')
  expect(groupOf('addTrade', `${PROJECT}/domain/learning/sums.ts`)).toBe('fold')
  expect(groupOf('apply', `${PROJECT}/services/learner/processor.ts`)).toBe('fold')
  expect(groupOf('commit', `${PROJECT}/services/learner/learner-store.ts`)).toBe('pack')
  expect(groupOf('rpc', `${PROJECT}/core/store/store.ts`)).toBe('database and sockets')
  expect(groupOf('parse', `${PROJECT}/node_modules/pg-protocol/dist/parser.js`)).toBe('database and sockets')
  expect(groupOf('write', 'node:internal/deps/undici/undici')).toBe('database and sockets')
  expect(groupOf('(garbage collector)', '')).toBe('garbage collection')
  expect(groupOf('(program)', '')).toBe('other')
})

const frame = (functionName: string, url = '') => ({ functionName, url, lineNumber: 9 })
/** root → decode → buffer.toString → utf8Slice, root → addTrade → exp, idle; samples of 1 ms each. */
const profile = (samples: number[]): Profile => ({
  nodes: [
    { id: 1, callFrame: frame('(root)'), children: [2, 5, 7] },
    { id: 2, callFrame: frame('decode', `${PROJECT}/core/codec/decoder.ts`), children: [3] },
    { id: 3, callFrame: frame('toString', 'node:buffer'), children: [4] },
    { id: 4, callFrame: frame('utf8Slice') },
    { id: 5, callFrame: frame('addTrade', `${PROJECT}/domain/learning/sums.ts`), children: [6] },
    { id: 6, callFrame: frame('exp') },
    { id: 7, callFrame: frame('(idle)') },
  ],
  samples,
  timeDeltas: samples.map(() => 1_000),
})

test('native functions count for whoever called them', () => {
  const { groups } = summarise(profile([4, 4, 3, 2, 6, 5, 7, 7, 7, 7, 1]))
  expect(Object.fromEntries(groups.map((g) => [g.group, g.seconds]))).toEqual({
    decode: 0.004,
    fold: 0.002,
    idle: 0.004,
  })
})

test('shares are of the whole time, and idling is no function', () => {
  const { seconds, functions } = summarise(profile([5, 5, 5, 7, 1]))
  expect(seconds).toBeCloseTo(0.004)
  expect(functions).toEqual([
    { name: 'addTrade', place: 'learning/sums.ts:10', group: 'fold', seconds: 0.003, share: 0.75 },
  ])
})

test('an empty profile has no shares rather than wrong ones', () => {
  expect(summarise({ nodes: [] })).toEqual({ seconds: 0, groups: [], functions: [] })
})

test('stages are microseconds an event, without idling', () => {
  const learner = summarise(profile([4, 4, 3, 2, 6, 5, 7, 7, 7, 7, 1]))
  const of = (main: number | null, process: number | null) =>
    stagesOf({ learner, cpuSeconds: { main, process }, sql: [] }, 1_000)
  expect(of(0.006, 0.009)).toEqual({
    decode: expect.closeTo(4),
    fold: expect.closeTo(2),
    'other threads': expect.closeTo(3),
  })
  // half of the time that was sampled had somebody else the processor
  expect(of(0.003, 0.003)).toEqual({ decode: expect.closeTo(2), fold: expect.closeTo(1), 'other threads': 0 })
  expect(of(null, null)).toEqual({ decode: expect.closeTo(4), fold: expect.closeTo(2) })
})
