/**
 * A process of its own: a relay that publishes to a real Kafka, says so on standard output, and never gets to marking its rows. Whoever started it
 * kills it there. Arguments: brokers, topic, Supabase URL, key, lease in ms.
 */
import { pino } from 'pino'
import { systemClock } from '../../core/clock.ts'
import { frame, positionClosedType } from '../../core/codec/position-closed-codec.ts'
import { createKafkaLog } from '../../core/log/kafka-log.ts'
import { createOutbox } from '../../core/store/outbox-store.ts'
import { createPostgrestStore } from '../../core/store/postgrest-store.ts'
import { startRelay } from '../../services/pm/relay.ts'

const [brokers, topic, url, key, leaseMs] = process.argv.slice(2) as [string, string, string, string, string]
const logger = pino({ level: 'silent' })
const outbox = createOutbox(createPostgrestStore({ url, key }), `hung-${process.pid}`, Number(leaseMs))
startRelay({
  outbox: {
    ...outbox,
    published: (_topic, marks) => {
      process.stdout.write(`published ${marks.length}\n`)
      return new Promise(() => {})
    },
  },
  log: createKafkaLog({ kafka: { brokers: [brokers] } }, logger),
  codec: {
    encode: async (event) => frame(1, positionClosedType.toBuffer(event)),
    decode: () => Promise.reject(new Error('not read here')),
  },
  clock: systemClock,
  logger,
  topic,
})
