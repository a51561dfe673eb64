/** Log, database, learners and two pages over them in this process: one that only reads, and one that may change things, with its token. */
import { Writable } from 'node:stream'
import { pino } from 'pino'
import { Registry } from 'prom-client'
import { vi } from 'vitest'
import { systemClock } from '../../core/clock.ts'
import { createCodec } from '../../core/codec/position-closed-codec.ts'
import { readConfig } from '../../core/config.ts'
import { type Host, startHost } from '../../core/host.ts'
import { writtenEnd } from '../../core/log/log.ts'
import { ensureLoopTopics } from '../../core/log/loop-topics.ts'
import { createLogger } from '../../core/logger.ts'
import type { Service, ServiceDeps } from '../../core/service.ts'
import { createPage, OPEN_PATHS } from '../../page/index.ts'
import { startLearners } from '../../services/learner/learners.ts'
import { createTestDatabase } from './database.ts'
import { createTestKafka } from './kafka.ts'
import { PATIENT } from './patience.ts'
import { runCommand } from './strandline.ts'

export const TOKEN = 'a-token-of-this-test-run'

export type PageStage = Awaited<ReturnType<typeof openPageStage>>

export async function openPageStage() {
  const [db, kafka] = await Promise.all([createTestDatabase(), createTestKafka()])
  const name = kafka.name('pm.position-closed')
  const env: Record<string, string> = {
    KAFKA_BROKERS: kafka.brokers,
    SCHEMA_REGISTRY_URL: kafka.registryUrl,
    SCHEMA_REGISTRY_UNKNOWN_AFTER_SECONDS: '0.3',
    ...db.env,
    STRANDLINE_TOPIC: name,
    STRANDLINE_DEAD_LETTER_TOPIC: `${name}.dead-letter`,
    STRANDLINE_PARTITIONS: '1',
  }
  const config = readConfig(env)
  const { topic } = config
  const deps: ServiceDeps = {
    config,
    log: kafka.log,
    store: db.store,
    codec: createCodec(config),
    clock: systemClock,
    logger: createLogger({ level: process.env.TEST_LOG ?? 'silent' }),
    metrics: new Registry(),
  }
  await ensureLoopTopics(kafka.log, config)
  let said = ''
  const logger = pino(
    { level: 'trace' },
    new Writable({
      write(chunk, _encoding, done) {
        said += chunk
        done()
      },
    }),
  )
  const host = async (operate: boolean): Promise<Host> => {
    const metrics = new Registry()
    const service = await createPage({ operate })({ ...deps, logger, metrics })
    const before = process.env.STRANDLINE_TOKEN
    if (operate) process.env.STRANDLINE_TOKEN = TOKEN
    else delete process.env.STRANDLINE_TOKEN
    try {
      return await startHost({ service, port: 0, metrics, logger, open: OPEN_PATHS })
    } finally {
      if (before === undefined) delete process.env.STRANDLINE_TOKEN
      else process.env.STRANDLINE_TOKEN = before
    }
  }
  const reading = await host(false)
  const operating = await host(true)
  let learner: Service | undefined
  return {
    db,
    kafka,
    deps,
    topic,
    reading: reading.url,
    operating: operating.url,
    /** All that the pages have logged. */
    said: () => said,
    async startLearner() {
      learner = await startLearners({ ...deps, metrics: new Registry() })
    },
    async stopLearner() {
      await learner?.stop()
      learner = undefined
    },
    /** Until every version stands at the end of the log. */
    caughtUp: () =>
      vi.waitFor(async () => {
        const ends = await kafka.log.offsets(topic)
        const at = await db.sql<{ consumer: string; checkpoint: string | null }>(
          "select consumer, checkpoint from consumer_checkpoints where consumer like 'learner/%'",
        )
        const behind = at.filter((c) => Number(c.checkpoint ?? 0) < writtenEnd(ends[0]!))
        if (at.length === 0 || behind.length > 0) throw new Error(`not applied yet: ${JSON.stringify(behind)}`)
      }, PATIENT),
    /** What a command prints with --json. */
    async json<T>(...args: string[]): Promise<T> {
      const { stdout, stderr } = await runCommand([...args, '--json'], { env })
      try {
        return JSON.parse(stdout)
      } catch {
        throw new Error(`${args.join(' ')}: ${stdout}${stderr}`)
      }
    },
    async close() {
      await learner?.stop()
      await reading.stop()
      await operating.stop()
      await kafka.close()
      await db.drop()
    },
  }
}
