/** The port of the log as one process has it. */

import { StrandlineError } from '../../core/errors.ts'
import type { EventLog } from '../../core/log/log.ts'
import type { Call } from '../network.ts'
import type { Process } from '../process.ts'
import type { Stream } from '../streams.ts'
import type { Broker } from './broker.ts'
import type { Groups } from './groups.ts'
import { joinGroup } from './member.ts'

export interface SimulatedLogOptions {
  process: Process
  call: Call
  broker: Broker
  groups: Groups
  /** How a fetch is cut. */
  chance: Stream
  /** Hears of every fault that happened. */
  happened(fault: string): void
}

export function createSimulatedLog(options: SimulatedLogOptions): EventLog {
  const { call, broker, groups } = options
  const at = (topic: string, offsets: Map<number, number>) =>
    [...offsets].map(([partition, offset]) => [partition, broker.at(topic, partition, offset)] as const)
  return {
    produce: (topic, records) =>
      call(
        'log',
        'produce',
        (fault) => {
          if (fault !== 'half') return broker.produce(topic, records)
          broker.produce(topic, records.slice(0, Math.ceil(records.length / 2)))
          throw new StrandlineError('LOG_UNREACHABLE', 'The request failed for some partitions.')
        },
        `${topic} ${records.map((r) => String(r.key)).join(' ')}`,
      ),
    consume: async ({ group, topic, concurrency = 3 }, handler) => {
      await call('log', 'connect', () => broker.partitions(topic), topic)
      return joinGroup({ ...options, group, topic, concurrency }, handler)
    },
    offsets: (topic) => call('log', 'offsets', () => broker.offsets(topic), topic),
    committed: (group) =>
      call('log', 'committed', () => {
        const known = groups.committed(group)
        return new Map([...known].map(([p, offset]) => [p, typeof offset === 'number' ? offset : null]))
      }),
    group: async () => ({ state: 'Stable', members: [] }),
    deleteGroup: () => Promise.reject(new Error('nobody deletes a group here')),
    timestamps: (topic, offsets) =>
      call('log', 'timestamps', () => new Map(at(topic, offsets).map(([p, r]) => [p, r?.timestamp ?? null])), topic),
    recordsAt: (topic, offsets) => call('log', 'recordsAt', () => new Map(at(topic, offsets)), topic),
    topicId: (topic, required) =>
      call('log', 'topicId', () => `id of ${topic}`, topic).catch((error) => {
        if (required) throw error
        return null
      }),
    topicSettings: (topics) =>
      call('log', 'topicSettings', () => new Map(topics.map((topic) => [topic, {}])), topics.join(' ')),
    ensureTopics: (topics) =>
      call('log', 'ensureTopics', () => {
        for (const { topic, partitions } of topics) broker.create(topic, partitions)
      }),
    close: async () => {},
  }
}
