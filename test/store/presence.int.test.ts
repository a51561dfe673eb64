/** Which services run: what the loop announces is seen the same by every adapter. */
import { hostname } from 'node:os'
import { expect, test } from 'vitest'
import { systemClock } from '../../core/clock.ts'
import { startPresence } from '../../core/presence.ts'
import { createMemoryDatabase } from '../../core/store/memory/database.ts'
import { createMemoryPresence, runningServices } from '../../core/store/memory/presence.ts'
import { createPresenceStore } from '../../core/store/presence-store.ts'
import { adapters, useWays, WAYS, type Way } from './ways.ts'

const ways = useWays(...WAYS)
const presenceOf = adapters(createMemoryPresence, createPresenceStore)
const PLACE = `${hostname()}, process ${process.pid}`

const running = async (way: Way) =>
  way.memory
    ? runningServices(way.memory)
    : way.db.sql('select service, place from strandline.running_services order by since')

test.each(WAYS)('%s: a service is there once, however often it says so, until it ends', async (name) => {
  const way = ways[name]
  const presence = presenceOf(way)
  for (const service of ['pm', 'learner', 'pm']) await presence.announce({ instance: service, service, place: 'here' })
  expect(await running(way)).toEqual(['pm', 'learner'].map((service) => ({ service, place: 'here' })))
  for (const instance of ['pm', 'learner', 'nobody']) await presence.withdraw(instance)
  expect(await running(way)).toEqual([])
})

test.each(WAYS)('%s: the loop announces its process from its start to its end', async (name) => {
  const way = ways[name]
  const loop = startPresence('projector', { presence: presenceOf(way), clock: systemClock })
  await expect.poll(() => running(way)).toEqual([{ service: 'projector', place: PLACE }])
  await loop.stop()
  expect(await running(way)).toEqual([])
})

test.each(WAYS)('%s: one that is silent for thirty seconds is forgotten', async (name) => {
  const clock = { ms: 0 }
  const way: Way =
    name === 'memory' ? { name, memory: createMemoryDatabase({ now: () => Date.now() + clock.ms }) } : ways[name]
  await presenceOf(way).announce({ instance: 'a', service: 'pm', place: 'here' })
  clock.ms = 30_001
  await way.db?.sql(`update services set seen_at = seen_at - interval '30 seconds'`)
  expect(await running(way)).toEqual([])
})
