/**
 * A process of its own: a client that has written to a real Kafka and read from it, and then has nothing to do for a second. Prints for how many milliseconds each
 * timer was that kafkajs set meanwhile. Arguments: brokers, topic.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { pino } from 'pino'
import { createKafkaLog } from '../../core/log/kafka-log.ts'

const [brokers, topic] = process.argv.slice(2) as [string, string]
const log = createKafkaLog({ kafka: { brokers: [brokers] } }, pino({ level: 'silent' }))
await log.produce(topic, [{ key: 'k', value: Buffer.from('v') }])
await log.offsets(topic)

const asked: number[] = []
const { setTimeout } = globalThis
globalThis.setTimeout = Object.assign((run: () => void, ms = 0) => {
  if (new Error().stack?.includes('kafkajs')) asked.push(ms)
  return setTimeout(run, ms)
}, setTimeout)
await sleep(1_000)
globalThis.setTimeout = setTimeout
await log.close()
process.stdout.write(JSON.stringify(asked))
