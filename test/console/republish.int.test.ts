/** Messages published again from Redpanda Console: as they were, and edited. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type ConsoleStage, GROUP, openConsoleStage } from '../support/console-stage.ts'

let stage: ConsoleStage
beforeAll(async () => {
  stage = await openConsoleStage()
  await stage.publish(...[1, 2, 3].map((rr) => ({ position_id: `p-${rr}`, rr })))
  await stage.start()
  await stage.caughtUp()
})
afterAll(() => stage?.close())

/** The first message of a position, as Console shows it. */
async function opened(key: string) {
  const [message] = await stage.console.messages(stage.topic, (m) => m.key === key)
  return message!
}
const lag = async () => (await (await stage.console.group(GROUP)).lag(stage.topic)).map((p) => p.lag)

test('the same message again, in its own partition, in another one, or in a transaction, is counted once', async () => {
  const before = await stage.learned()
  const { partition, raw } = await opened('p-2')
  for (const options of [{}, { partition: (partition + 1) % 3 }, { transaction: true }]) {
    await stage.console.publish(stage.topic, raw, options)
    // With a transaction the partition ends with its marker: the lag comes down to 0 all the same.
    await expect.poll(lag).toEqual([0, 0, 0])
    await stage.caughtUp()
  }
  expect(await stage.learned()).toEqual(before)
  expect(await stage.baseline()).toMatchObject({ n: 3, rr_short: expect.closeTo(2, 9) })
  expect(await stage.console.messages(stage.topic, (m) => m.key === 'p-2')).toHaveLength(4)
})

test('an edited copy with a higher revision replaces the trade, from whatever partition it comes', async () => {
  const { value, schemaId, raw, partition } = await opened('p-3')
  const edit = async (revision: number, rr: number, at: number) => {
    const edited = await stage.console.encode(schemaId!, { ...value!, revision, rr })
    await stage.console.publish(stage.topic, { ...raw, value: edited }, { partition: at })
    await stage.caughtUp()
    return (await stage.baseline()).rr_short
  }
  expect(await edit(1, 6, partition)).toBeCloseTo((1 + 2 + 6) / 3, 9)
  expect(await edit(2, 0, (partition + 1) % 3)).toBeCloseTo(1, 9)
  expect((await stage.baseline()).n).toBe(3)
})

test('an edited copy whose revision was left as it is changes nothing', async () => {
  const before = await stage.learned()
  const { value, schemaId, raw } = await opened('p-1')
  const edited = await stage.console.encode(schemaId!, { ...value!, rr: -9 })
  await stage.console.publish(stage.topic, { ...raw, value: edited })
  await stage.caughtUp()
  expect(await stage.learned()).toEqual(before)
})

test('an edited copy that is void takes the trade back', async () => {
  const { value, schemaId, raw } = await opened('p-1')
  const edited = await stage.console.encode(schemaId!, { ...value!, revision: 1, voided: true })
  await stage.console.publish(stage.topic, { ...raw, value: edited })
  await stage.caughtUp()
  expect(await stage.baseline()).toMatchObject({ n: 2, rr_short: expect.closeTo(1, 9) })
})

test('an empty message (a tombstone, as "delete" by key would be) retracts nothing: it is a dead letter', async () => {
  await stage.console.publish(stage.topic, { key: 'p-2', value: null })
  await stage.caughtUp()
  expect((await stage.deadLetters()).map((d) => d.reason)).toEqual(['empty_value'])
  expect((await stage.baseline()).n).toBe(2)
})
