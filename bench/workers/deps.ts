/** What a service needs, from the environment, as `./strandline learner` makes it; the topic may be another. */
import { Registry } from 'prom-client'
import { systemClock } from '../../core/clock.ts'
import { createCodec } from '../../core/codec/position-closed-codec.ts'
import { readConfig } from '../../core/config.ts'
import { createKafkaLog } from '../../core/log/kafka-log.ts'
import { createLogger } from '../../core/logger.ts'
import type { ServiceDeps } from '../../core/service.ts'
import { openStore } from '../../core/store/open-store.ts'

export function openDeps({ topic }: { topic?: string } = {}): { deps: ServiceDeps; close(): Promise<void> } {
  const config = readConfig({
    ...process.env,
    STRANDLINE_TOPIC: topic ?? process.env.STRANDLINE_TOPIC,
    LOG_LEVEL: process.env.LOG_LEVEL ?? 'warn',
  })
  const logger = createLogger({ name: 'bench', level: config.logLevel })
  const log = createKafkaLog(config, logger)
  const store = openStore(config)
  const codec = createCodec(config)
  const deps = { config, log, store, codec, clock: systemClock, logger, metrics: new Registry() }
  const close = async () => {
    await log.close()
    await store.close()
  }
  return { deps, close }
}
