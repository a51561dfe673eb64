import { expect, test } from 'vitest'
import type { LagReport } from '../../core/lag/lag.ts'
import { createLatencySamples } from './latency.ts'

const RECORDED = Date.parse('2026-01-01T00:00:00Z')
const at = (ms: number) => new Date(RECORDED + ms).toISOString()

/** The learner that readers see has committed a record so long after it was written. */
const report = (consumer: string, checkpoint: number, ms: number) =>
  ({
    topic: 't',
    groups: [{ consumer, active: true, partitions: [{ partition: 0, checkpoint, committed_at: at(ms) }] }],
  }) as unknown as LagReport
const log = {
  recordsAt: async (_: string, offsets: Map<number, number>) =>
    new Map([...offsets].map(([partition, offset]) => [partition, { offset, timestamp: RECORDED, headers: {} }])),
} as unknown as Parameters<ReturnType<typeof createLatencySamples>['sample']>[1]

test('what a learner had committed before it was looked at is no latency: at the start, and once a rebuild is promoted', async () => {
  const latency = createLatencySamples()
  await latency.sample(report('learner/a/0123456789ab', 5, 60_000), log, 0)
  expect(latency.summary()).toBeNull()
  await latency.sample(report('learner/a/0123456789ab', 6, 200), log, 0)
  expect(latency.summary()).toEqual({ p50: 200, p99: 200, samples: 1 })
  await latency.sample(report('learner/a/0123456789ab.r2', 6, 90_000), log, 0)
  await latency.sample(report('learner/a/0123456789ab.r2', 7, 300), log, 0)
  expect(latency.summary()).toEqual({ p50: 200, p99: 300, samples: 2 })
})
