/** What a service needs, from the environment, as `./strandline learner` makes it; the topic may be another. */
import { Registry } from 'prom-client'
import { systemClock } from '../../core/clock.ts'
import { createCodec } from '../../core/codec/position-closed-codec.ts'
import { readConfig } from '../../core/config.ts'
import { createKafkaLog } from '../../core/log/kafka-log.ts'
import { createLogger } from '../../core/logger.ts'
import type { ServiceDeps } from '../../core/service.ts'
import { openStore } from '../../core/store/open-store.ts'

export function serviceDeps({ topic }: { topic?: string } = {}): ServiceDeps {
  const config = readConfig({
    ...process.env,
    STRANDLINE_TOPIC: topic ?? process.env.STRANDLINE_TOPIC,
    LOG_LEVEL: process.env.LOG_LEVEL ?? 'warn',
  })
  const logger = createLogger({ name: 'bench', level: config.logLevel })
  return {
    config,
    log: createKafkaLog(config, logger),
    store: openStore(config),
    codec: createCodec(config),
    clock: systemClock,
    logger,
    metrics: new Registry(),
  }
}
