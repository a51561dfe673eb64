/** A group's offsets edited in Redpanda Console: while the learner runs, and while it is stopped; back, forward, and to a time. */
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { type ConsoleStage, GROUP, openConsoleStage } from '../support/console-stage.ts'
import { PATIENT } from '../support/patience.ts'

const EARLIEST = -2
const LATEST = -1

let stage: ConsoleStage
/** A time between the first half of the records and the second. */
let middle: number

const trades = (prefix: string, count: number) =>
  Array.from({ length: count }, (_, i) => ({ position_id: `${prefix}-${i}`, rr: (i % 7) - 2 }))
const lag = async () => (await stage.console.group(GROUP)).lag(stage.topic)
const groupOffsets = async () => new Map((await lag()).map((p) => [p.partition, p.groupOffset]))
const edit = (to: Map<number, number>) => stage.console.editOffsets(GROUP, stage.topic, to)
/** Stopped, edited, started: what a person does. Resolves once the database is at the end and the group shows its positions. */
async function restartedFrom(to: Map<number, number>): Promise<void> {
  await stage.stop()
  expect(await edit(to)).toBeNull()
  expect(await groupOffsets()).toEqual(to)
  await stage.start()
  await backInStep()
}
async function backInStep(): Promise<void> {
  await stage.caughtUp()
  const positions = await stage.checkpoints()
  await vi.waitFor(async () => expect(await groupOffsets()).toEqual(positions), PATIENT)
}

beforeAll(async () => {
  stage = await openConsoleStage()
  await stage.publish(...trades('early', 12))
  await sleep(20)
  middle = Date.now()
  await sleep(20)
  await stage.publish(...trades('late', 12))
  await stage.start()
  await backInStep()
})
afterAll(() => stage?.close())

test('while the learner runs, Console says that the group is active, and the broker itself refuses as well', async () => {
  const before = await groupOffsets()
  expect(await edit(await stage.console.every(stage.topic, EARLIEST))).toBe(
    "Consumer group is still active and therefore can't be edited. Current Group State is: Stable",
  )
  const commit = stage.console.commitOffsets(GROUP, stage.topic, new Map([[0, 0]]))
  await expect(commit).rejects.toMatchObject({ type: 'UNKNOWN_MEMBER_ID' })
  expect(await groupOffsets()).toEqual(before)
})

test('back to the start: everything is read again, and nothing changes', async () => {
  const before = [await stage.learned(), await stage.checkpoints()]
  const start = await stage.console.offsetsAt(stage.topic, EARLIEST)
  await restartedFrom(start)
  expect([await stage.learned(), await stage.checkpoints()]).toEqual(before)
  expect((await stage.baseline()).n).toBe(24)
})

test('back to a time: what came after it is read again, and nothing changes', async () => {
  const before = await stage.learned()
  const to = await stage.console.offsetsAt(stage.topic, middle)
  const reread = (await lag()).reduce((sum, p) => sum + p.end - to.get(p.partition)!, 0)
  expect(reread).toBe(12)
  await restartedFrom(to)
  expect(await stage.learned()).toEqual(before)
})

test('a time after the last record has no offset: Console takes the end, and nothing is skipped', async () => {
  const none = await stage.console.offsetsAt(stage.topic, Date.now() + 3_600_000)
  expect([...none.values()]).toEqual([LATEST, LATEST, LATEST])
  await stage.stop()
  await stage.publish(...trades('after', 5))
  expect(await edit(none)).toBeNull()
  await stage.start()
  await backInStep()
  expect((await stage.baseline()).n).toBe(29)
})

test('forward over records that are not applied yet: they are applied all the same', async () => {
  await stage.stop()
  await stage.publish(...trades('skipped', 9))
  expect(await edit(await stage.console.every(stage.topic, LATEST))).toBeNull()
  expect((await lag()).map((p) => p.lag)).toEqual([0, 0, 0])
  await stage.start()
  await backInStep()
  expect((await stage.baseline()).n).toBe(38)
})

test('a group that was deleted: the learner goes on where the database stands', async () => {
  const { n } = await stage.baseline()
  await stage.stop()
  await stage.publish(...trades('without', 6))
  const admin = stage.kafka.client.admin()
  await admin.connect()
  await admin.deleteGroups([GROUP]) // DeleteGroups, as Console sends it
  await admin.disconnect()
  expect([...(await groupOffsets()).values()]).toEqual([null, null, null])
  await stage.start()
  await stage.caughtUp()
  expect((await stage.baseline()).n).toBe(n + 6)
})

test('beyond the end: undone as soon as the learner holds the partition, without waiting for a record', async () => {
  const before = await stage.learned()
  const positions = await stage.checkpoints()
  await stage.stop()
  expect(await edit(new Map([...positions].map(([p, at]) => [p, at + 100])))).toBeNull()
  await stage.start()
  await backInStep()
  expect(await stage.learned()).toEqual(before)

  await stage.publish(...trades('next', 4))
  await backInStep()
  expect((await stage.baseline()).n).toBe(48)
})
