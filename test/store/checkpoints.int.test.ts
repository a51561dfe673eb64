/** The checkpoints of consumers: one answer, whichever adapter gives it. How a commit moves them: strands.int.test.ts. */
import { expect, test } from 'vitest'
import { createCheckpointStore } from '../../core/store/checkpoint-store.ts'
import { createMemoryCheckpoints } from '../../core/store/memory/checkpoints.ts'
import { adapters, useWays, WAYS } from './ways.ts'

const ways = useWays(...WAYS)
const portOf = adapters(createMemoryCheckpoints, createCheckpointStore)

const at = (partition: number, consumer = 'c', topic = 't') => ({ consumer, topic, partition })
const NEW = { checkpoint: null, topic_id: null, last_record: null }

test.each(WAYS)('%s: every claim raises the epoch, and tells what was there', async (name) => {
  const port = portOf(ways[name])
  expect(await port.claim(at(0), 'a')).toEqual({ epoch: 1, version: 0, ...NEW })
  expect(await port.claim(at(0), 'b')).toEqual({ epoch: 2, version: 0, ...NEW })
  expect(await port.claim(at(0, 'other'), 'b')).toEqual({ epoch: 1, version: 0, ...NEW })
  expect(await port.read(at(0))).toEqual({ epoch: 2, version: 0, checkpoint: null, last_commit: null, holder: 'b' })
  expect(await port.read(at(7))).toBeNull()
})

test.each(WAYS)('%s: a list is of one consumer and topic, by partition', async (name) => {
  const port = portOf(ways[name])
  for (const partition of [10, 2, 1]) await port.claim(at(partition, 'listed'), `h${partition}`)
  await port.claim(at(5, 'listed', 'another'), 'x')
  expect(await port.list('listed', 't')).toEqual([
    { partition: 1, checkpoint: null, holder: 'h1', topic_id: null },
    { partition: 2, checkpoint: null, holder: 'h2', topic_id: null },
    { partition: 10, checkpoint: null, holder: 'h10', topic_id: null },
  ])
  expect(await port.list('nobody', 't')).toEqual([])
})
