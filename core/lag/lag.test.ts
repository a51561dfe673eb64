import { describe, expect, test } from 'vitest'
import { groupOf } from '../runner/consumer-names.ts'
import { type BrokerLag, lagReport, type StoredLag } from './lag.ts'

const NOW = Date.UTC(2026, 10, 1)
const LEARNER = 'learner/lowcap-v4/0123456789ab'
const checkpoint = (consumer: string, partition: number, at: number | null) => ({
  consumer,
  partition,
  checkpoint: at,
  epoch: 3,
  holder: 'host/1',
  committed_at: null,
})
const stored = (change: Partial<StoredLag> = {}): StoredLag => ({
  checkpoints: [checkpoint(LEARNER, 0, 90), checkpoint(LEARNER, 1, 50)],
  dead_letters: [],
  active: LEARNER,
  ...change,
})
const broker = (change: Partial<BrokerLag> = {}): Map<string, BrokerLag> =>
  new Map([
    [
      LEARNER,
      {
        state: { state: 'Stable', members: [{ id: 'm-1', client: 'strandline', host: '/127.0.0.1', partitions: [0] }] },
        committed: new Map([
          [0, 80],
          [1, null],
        ]),
        oldest: new Map([[0, NOW - 12_500]]),
        ...change,
      },
    ],
  ])
const RANGES = [
  { partition: 0, start: 0, end: 100 },
  { partition: 1, start: 0, end: 50 },
]

const only = (s = stored(), b = broker(), ranges = RANGES) => lagReport('t', s, ranges, b, NOW).groups[0]!

describe('the lag of a consumer', () => {
  test("counts from the database's checkpoint, whatever the group's offset says", () => {
    const group = only()
    expect(group).toMatchObject({
      group: 'strandline-learner-lowcap-v4-0123456789ab',
      lag_records: 10,
      lag_seconds: 12.5,
    })
    expect(group.partitions[0]).toMatchObject({ log_end: 100, committed: 80, checkpoint: 90, lag_records: 10 })
  })

  test('is nothing, in records and in seconds, where all is applied', () => {
    expect(only().partitions[1]).toMatchObject({ committed: null, checkpoint: 50, lag_records: 0, lag_seconds: 0 })
  })

  test('counts a partition that was never read, even one without a row, from the start of the log', () => {
    const ranges = [
      { partition: 0, start: 40, end: 100 },
      { partition: 1, start: 7, end: 10 },
    ]
    const group = only(stored({ checkpoints: [checkpoint(LEARNER, 0, null)] }), broker(), ranges)
    expect(group.partitions.map((p) => p.lag_records)).toEqual([60, 3])
    expect(group.partitions[1]).toMatchObject({ checkpoint: null, holder: null, epoch: 0 })
  })

  test('does not call an age 0 that could not be read', () => {
    const group = only(stored(), broker({ oldest: new Map() }))
    expect(group.partitions[0]).toMatchObject({ lag_records: 10, lag_seconds: null })
  })

  test('is never negative, though the checkpoint is beyond the end that was read before it', () => {
    expect(only(stored({ checkpoints: [checkpoint(LEARNER, 0, 105)] })).partitions[0]).toMatchObject({ lag_records: 0 })
  })

  test('says who holds a partition, in the database and in the group', () => {
    const [held, free] = only().partitions
    expect(held).toMatchObject({ holder: 'host/1', epoch: 3, member: { id: 'm-1', host: '/127.0.0.1' } })
    expect(free!.member).toBeNull()
  })

  test('counts dead letters by partition and by reason, each consumer its own', () => {
    const letter = (consumer: string, partition: number, reason: string, count: number) => ({
      consumer,
      partition,
      reason,
      count,
    })
    const group = only(
      stored({
        dead_letters: [
          letter(LEARNER, 0, 'truncated', 2),
          letter(LEARNER, 1, 'truncated', 1),
          letter(LEARNER, 1, 'null_key', 1),
          letter('learner/other/0123456789ab', 1, 'null_key', 7),
        ],
      }),
    )
    expect(group).toMatchObject({ dead_letters: 4, dead_letters_by_reason: { truncated: 3, null_key: 1 } })
    expect(group.partitions.map((p) => p.dead_letters)).toEqual([2, 2])
  })

  test('marks a learner whose coefficients nobody sees', () => {
    const older = 'learner/lowcap-v4/ffffffffffff'
    const checkpoints = [checkpoint(older, 0, 1), checkpoint(LEARNER, 0, 1), checkpoint('projector', 0, 1)]
    const { groups } = lagReport('t', stored({ checkpoints }), RANGES, broker(), NOW)
    expect(groups.map((g) => [g.consumer, g.group, g.active])).toEqual([
      [older, 'strandline-learner-lowcap-v4-ffffffffffff', false],
      [LEARNER, 'strandline-learner-lowcap-v4-0123456789ab', true],
      ['projector', 'strandline-projector', true],
    ])
  })
})

test('a model may have any name', () => {
  expect(groupOf('learner/my/model/0123456789ab')).toBe('strandline-learner-my/model-0123456789ab')
  expect(groupOf('learner/my/model/0123456789ab.r2')).toBe('strandline-learner-my/model-0123456789ab.r2')
})
