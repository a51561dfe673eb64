import { describe, expect, test } from 'vitest'
import type { ConsumerLag, LagReport } from '../../core/lag/lag.ts'
import type { Finding } from '../finding.ts'
import type { ClusterFacts } from './cluster.ts'
import { judgeCluster } from './judge-cluster.ts'
import { judgeLag } from './judge-lag.ts'
import { judgeRegistry } from './registry.ts'

const amiss = (found: Finding[]) =>
  found.filter((f) => f.severity !== 'info').map((f) => `${f.severity} ${f.area}: ${f.what}`)
const has = (...parts: string[]) => parts.map((part) => expect.stringContaining(part))

describe('topics', () => {
  const wanted = { topic: 't', deadLetterTopic: 'd', partitions: 1, acceptLogSettings: false }
  const part = { partition: 0, leader: 1, replicas: 3, in_sync: 3 }
  const cluster = (over: Partial<ClusterFacts> = {}): ClusterFacts => ({
    brokers: 3,
    fetch: 17,
    topics: new Map([
      ['t', [part]],
      ['d', [part]],
    ]),
    ...over,
  })
  const good = {
    'retention.ms': '-1',
    'retention.bytes': '-1',
    'cleanup.policy': 'delete',
    'message.timestamp.type': 'LogAppendTime',
    'min.insync.replicas': '2',
    'max.message.bytes': '1048588',
  }
  const settings = (over: Record<string, string> = {}) =>
    new Map([
      ['t', { ...good, ...over }],
      ['d', good],
    ])
  const topics = (over: Partial<typeof part>) =>
    cluster({
      topics: new Map([
        ['t', [{ ...part, ...over }]],
        ['d', [part]],
      ]),
    })

  test('as they are made, all is well', () => {
    const found = judgeCluster(cluster(), settings(), wanted)
    expect(amiss(found)).toEqual([])
    expect(found[0]?.what).toBe('Kafka answers: 3 brokers, which speak the protocol of Kafka 3.9 or later.')
  })
  test.each([
    [
      'retention of a day',
      { 'retention.ms': '86400000' },
      ['error topics: The topic t does not keep every record: retention.ms is 86400000'],
    ],
    [
      'compaction',
      { 'cleanup.policy': 'compact' },
      ['error topics: The topic t does not keep every record: cleanup.policy'],
    ],
    ['the producer’s time', { 'message.timestamp.type': 'CreateTime' }, ['warning topics: t has the time']],
    ['small records', { 'max.message.bytes': '1000' }, ['warning topics: t takes records of 1,000 bytes']],
    ['one disk’s word', { 'min.insync.replicas': '1' }, ['warning topics: t has min.insync.replicas=1']],
  ])('%s', (_, over, expected) =>
    expect(amiss(judgeCluster(cluster(), settings(over), wanted))).toEqual(has(...expected)),
  )
  test('a finite retention that is accepted is a warning', () => {
    const accepted = { ...wanted, acceptLogSettings: true }
    expect(amiss(judgeCluster(cluster(), settings({ 'retention.ms': '1' }), accepted))).toEqual(has('warning topics'))
  })
  test.each([
    ['no leader', { leader: -1 }, ['error topics: t/0 has no leader']],
    ['too few in step', { in_sync: 1 }, ['error topics: t/0 has fewer copies in step']],
    ['one is behind', { in_sync: 2 }, ['warning topics: t/0 has copies that are not in step']],
    [
      'one copy of three brokers',
      { replicas: 1, in_sync: 1 },
      ['error topics', 'warning topics: t has one copy on 3 brokers'],
    ],
  ])('%s', (_, over, expected) =>
    expect(amiss(judgeCluster(topics(over), settings(), wanted))).toEqual(has(...expected)),
  )
  test('topics that are missing, settings that we may not read', () => {
    expect(amiss(judgeCluster(cluster({ topics: new Map() }), new Map(), wanted))).toEqual(
      has('There is no topic t and d'),
    )
    expect(amiss(judgeCluster(cluster(), null, wanted))).toEqual(has('We may not read the settings'))
  })
})

describe('who reads', () => {
  const group = (consumer: string, over: Partial<ConsumerLag> = {}): ConsumerLag => ({
    group: `strandline-${consumer}`,
    consumer,
    active: true,
    state: 'Stable',
    lag_records: 0,
    lag_seconds: 0,
    dead_letters: 0,
    dead_letters_by_reason: {},
    partitions: [
      {
        partition: 0,
        log_start: 0,
        log_end: 10,
        committed: 10,
        checkpoint: 10,
        lag_records: 0,
        lag_seconds: 0,
        dead_letters: 0,
        holder: 'h/1',
        epoch: 1,
        committed_at: null,
        member: { id: 'm', client: 'c', host: 'h' },
      },
    ],
    ...over,
  })
  const report = (...groups: ConsumerLag[]): LagReport => ({ topic: 't', at: '', groups })
  const at = (over: object) => ({ partitions: [{ ...group('x').partitions[0]!, ...over }] })
  const learner = (over: Partial<ConsumerLag> = {}) => group('learner/lowcap-v4/0', over)

  test('both have applied all', () => expect(amiss(judgeLag(report(learner(), group('projector')), 10))).toEqual([]))
  test('an empty log that nobody has read', () => expect(amiss(judgeLag(report(), 0))).toEqual([]))
  test.each<[string, Partial<ConsumerLag>, string]>([
    ['nobody runs', { state: 'Empty', ...at({ member: null }) }, 'error consumers: No learner runs'],
    [
      'it is behind',
      { lag_records: 5, lag_seconds: 120 },
      'error consumers: The learner is 5 records behind, the oldest for 2 min',
    ],
    [
      'its checkpoint is gone',
      at({ log_start: 20, log_end: 30 }),
      'error consumers: The log does not have the checkpoint',
    ],
    ['the log is shorter', at({ log_end: 5 }), 'error consumers: The log does not have the checkpoint'],
    ['it settles', { state: 'PreparingRebalance' }, 'warning consumers: The group'],
    [
      'dead letters',
      { dead_letters: 2, dead_letters_by_reason: { bad_magic: 2 } },
      'warning consumers: 2 records of the log could not be applied: 2 bad_magic',
    ],
  ])('%s', (_, over, expected) =>
    expect(amiss(judgeLag(report(learner(over), group('projector')), 10))).toEqual(has(expected)),
  )
  test('a log that nobody has read', () => {
    expect(amiss(judgeLag(report(), 10))).toEqual(has('No learner has read', 'No projector has read'))
  })
  test('a second behind is no finding, nor is another model that is behind', () => {
    const other = group('learner/freqtrade/0', { active: false, lag_records: 4, lag_seconds: 999 })
    expect(amiss(judgeLag(report(learner({ lag_records: 1, lag_seconds: 1 }), group('projector'), other), 10))).toEqual(
      [],
    )
  })
})

test('the registry', () => {
  const facts = { subject: 't-value', id: 1, compatible: null, level: 'FULL_TRANSITIVE' }
  expect(amiss(judgeRegistry(facts))).toEqual([])
  expect(amiss(judgeRegistry({ ...facts, id: null }))).toEqual([])
  expect(amiss(judgeRegistry({ ...facts, id: null, compatible: false }))).toEqual(has('error registry'))
  expect(amiss(judgeRegistry({ ...facts, level: 'NONE' }))).toEqual(has('warning registry'))
})
