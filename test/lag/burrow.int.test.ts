/**
 * Other people's monitoring counts the same lag as ours, record by record: Burrow from the group's commits, kcat by reading what is left for the group.
 * On Kafka 3.9: Debian's Burrow (1.2.1, of 2019) asks for the ends of partitions in a way that Kafka 4 does not answer any more.
 */
import { execFile, spawnSync } from 'node:child_process'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { systemClock } from '../../core/clock.ts'
import { createLagStore } from '../../core/lag/lag-store.ts'
import { readLag } from '../../core/lag/read-lag.ts'
import { type Burrow, hasBurrow, startBurrow } from '../support/burrow.ts'
import { closedTrade } from '../support/closed-trade.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import type { TestKafka } from '../support/kafka.ts'
import { startKafka3 } from '../support/kafka-3.ts'
import { createStage } from '../support/kafka-learner.ts'
import { learnerGroup } from '../support/learner-group.ts'

const run = promisify(execFile)
const hasKcat = spawnSync('kcat', ['-V'], { stdio: 'ignore' }).error === undefined
if (!hasBurrow)
  process.stderr.write('\n!!! LEFT OUT: Burrow is not installed (apt-get install burrow zookeeper, as .ci/run does)\n')
if (!hasKcat) process.stderr.write('\n!!! LEFT OUT: kcat is not installed (apt-get install kcat)\n')

let db: TestDatabase
let kafka: TestKafka
let burrow: Burrow | undefined
beforeAll(async () => {
  ;[db, kafka] = await Promise.all([createTestDatabase(), startKafka3()])
})
afterAll(async () => {
  await burrow?.stop()
  await kafka?.close()
  await db?.drop()
})

const PATIENCE = { interval: 500 }
const GROUP = learnerGroup('lowcap-v4')
const trades = (from: number, count: number) =>
  Array.from({ length: count }, (_, i) => closedTrade({ position_id: `p-${from + i}`, trade_id: 't' }))

/** It was seen to wait for an end for ever on a busy machine: then it is asked anew. */
const KCAT_MS = 60_000

/** How many records the group has left, by partition: a member of it that commits nothing reads them to the end. */
async function leftByKcat(topic: string): Promise<Map<number, number>> {
  const { stdout } = await run(
    'kcat',
    [
      ...['-b', kafka.brokers, '-G', GROUP, '-X', 'enable.auto.commit=false', '-X', 'auto.offset.reset=earliest'],
      ...['-e', '-q', '-f', '%p\n', topic],
    ],
    { timeout: KCAT_MS },
  )
  const left = new Map<number, number>()
  for (const line of stdout.trim().split('\n').filter(Boolean))
    left.set(Number(line), (left.get(Number(line)) ?? 0) + 1)
  return left
}

test.skipIf(!hasBurrow && !hasKcat)(
  'a learner that was stopped on its way: Burrow and kcat agree with our lag to the record, in every partition',
  async () => {
    const stage = await createStage(db, kafka, { partitions: 3 })
    const ours = async () => {
      const { groups } = await readLag(
        { lag: createLagStore(db.store), log: kafka.log, clock: systemClock },
        stage.topic,
      )
      return new Map(groups.find((g) => g.group === GROUP)?.partitions.map((p) => [p.partition, p.lag_records]))
    }
    for (const partition of [0, 1, 2]) await stage.publish(trades(partition * 100, 20 + partition), partition)
    const learner = await stage.start()
    await stage.caughtUp()
    // The group's offset follows the database's commit: it is there once the learner has stopped.
    await learner.stop()
    expect(await ours()).toEqual(new Map([0, 1, 2].map((p) => [p, 0])))
    // Only now: this Burrow gives up when no group has committed anything yet.
    if (hasBurrow) burrow = await startBurrow(kafka.brokers)
    if (burrow) await expect.poll(() => burrow?.lag(GROUP, stage.topic), PATIENCE).toEqual(await ours())

    await stage.publish(trades(1_000, 7), 0)
    await stage.publish(trades(2_000, 31), 2)
    expect(await ours()).toEqual(
      new Map([
        [0, 7],
        [1, 0],
        [2, 31],
      ]),
    )
    if (burrow) await expect.poll(() => burrow?.lag(GROUP, stage.topic), PATIENCE).toEqual(await ours())
    if (hasKcat)
      await expect
        .poll(() => leftByKcat(stage.topic).catch(() => 'kcat did not come to the end'), PATIENCE)
        .toEqual(new Map([...(await ours())].filter(([, records]) => records > 0)))
  },
)
