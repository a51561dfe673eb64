/** How long the log's answers take: a topic is learned, nine of ten of its trades of few interactions and one of ten of its own; then commands and the page ask. */
import { join } from 'node:path'
import { withClient } from '../core/store/client.ts'
import { type Bench, environment } from './context.ts'
import { learned } from './database.ts'
import { measurePage, type PageTimes } from './page.ts'
import { startWorker } from './worker.ts'
import type { DatabaseAddress } from './workers/engines.ts'
import type { ProduceTask } from './workers/producer.ts'
import type { ReplayTask, ReplayTimes } from './workers/replay.ts'

export type ReplayResult = ReplayTimes & { page: PageTimes }

const TOPIC = 'bench.replay'
const NAME = 'replay'

export async function measureReplay({ engines, kafka, options, dataDir, progress }: Bench): Promise<ReplayResult> {
  const { events, partitions, headers } = options
  progress(`learning ${events.toLocaleString('en')} trades`)
  const distinct = Math.floor(events / 10)
  const producer = startWorker('producer', environment(kafka))
  const task: ProduceTask = {
    topic: TOPIC,
    partitions,
    parts: [
      { cardinality: 'few', count: events - distinct, seed: 1 },
      { cardinality: 'distinct', count: distinct, seed: 2 },
    ],
    headers,
  }
  await producer.ask('produce', task).finally(() => producer.stop())
  const database = await engines.ask<DatabaseAddress>('database', { name: NAME })
  const env = environment(kafka, database)
  const learner = startWorker('learner', env)
  try {
    await learner.ask('learn', { topic: TOPIC })
    await withClient(database.databaseUrl, (sql) => learned(sql, TOPIC, events))
    await learner.ask('finish')
  } finally {
    await learner.stop()
  }
  progress('asking the log')
  const worker = startWorker('replay', env)
  try {
    const asked: ReplayTask = { topic: TOPIC, cacheDir: join(dataDir, 'history') }
    const times = await worker.ask<ReplayTimes>('measure', asked).finally(() => worker.stop())
    progress('asking the page')
    const page = await measurePage({ ...env, STRANDLINE_TOPIC: TOPIC, STRANDLINE_CACHE_DIR: dataDir })
    return { ...times, page }
  } finally {
    await engines.ask('stopDatabase', { name: NAME })
  }
}
