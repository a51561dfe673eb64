/** The projector: every closed trade of the log becomes, or corrects, one strand in `ad_strands`. For readers of the system that was there before. */
import { hostname } from 'node:os'
import { watchConsumer } from '../../core/lag/consumer-watch.ts'
import { checkLogSettings } from '../../core/log/log-settings.ts'
import { PROJECTOR_CONSUMER } from '../../core/runner/consumer-names.ts'
import { createConsumerMetrics } from '../../core/runner/metrics.ts'
import { createPartitionRunner } from '../../core/runner/partition-runner.ts'
import { traced } from '../../core/runner/traced-processor.ts'
import type { StartService } from '../../core/service.ts'
import { projectorMetrics } from './metrics.ts'
import { createProjection } from './projection.ts'

export const PROJECTOR_GROUP = 'strandline-projector'
/** Most strands of one transaction: about 1 MB of JSON, far from a hosted project's statement timeout of 8 s. */
const MAX_CHUNK = 500

/** Partitions worked on at the same time: the database is the limit, not the decoding. */
const CONCURRENCY = 3

export const startProjector: StartService = async ({ config, log, store, codec, clock, logger, metrics, liveness }) => {
  const { topic } = config
  const counted = projectorMetrics(metrics)
  const consumer = createConsumerMetrics(metrics, clock, PROJECTOR_GROUP)
  const holder = `${hostname()}/${process.pid}`
  const processor = createProjection(PROJECTOR_CONSUMER, store, codec, {
    skipped(reason, { offset }) {
      counted.skipped.inc({ reason })
      logger.debug({ reason, offset }, `no strand for the record at offset ${offset}: ${reason}`)
    },
    written: (strands) => counted.written.inc(strands),
    setAside(strands) {
      counted.setAside.inc(strands)
      logger.warn(
        { strands },
        `ad_strands refuses ${strands} strands: strandline.set_aside has each one with the reason (kind projection).`,
      )
    },
    kept: (strands) => counted.kept.inc(strands),
  })
  const runner = createPartitionRunner({
    consumer: PROJECTOR_CONSUMER,
    topic,
    holder,
    store,
    log,
    clock,
    logger,
    processor: traced('projector', processor),
    maxChunk: MAX_CHUNK,
    acceptTruncated: config.acceptTruncatedLog,
    admit: () => checkLogSettings(log, config, logger),
    events: consumer.events,
  })
  const subscription = await log.consume({ group: PROJECTOR_GROUP, topic, concurrency: CONCURRENCY }, runner)
  const watch = watchConsumer({
    consumer: PROJECTOR_CONSUMER,
    group: PROJECTOR_GROUP,
    topic,
    holder,
    store,
    log,
    clock,
    subscription,
    retrying: runner.retrying,
    lag: consumer.lag,
    measured: consumer.measured,
    liveness,
  })

  return {
    name: 'projector',
    async ready() {
      const reason = watch.reason()
      return reason === null ? { ok: true } : { ok: false, reason }
    },
    async stop() {
      await watch.stop()
      await subscription.stop()
    },
  }
}
