/**
 * Sends records until each of them is acknowledged, by a plain kafkajs producer. Its answer leaves out what it did not send: where a leader moves to a broker
 * that has answered already, what was meant for it is passed over, and the call succeeds. So each record gets its partition here, and one for whose
 * partition no offset came back is sent again.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import type { Producer } from 'kafkajs'
import { type Stage, TOPIC } from '../stage.ts'
import type { RawRecord } from './poison.ts'

export interface Sender {
  /** Resolves once all of them are in the log; some of them may be there twice. */
  send(records: RawRecord[]): Promise<void>
  close(): Promise<void>
}

const AGAIN_MS = 500
const COUNT_MS = 5_000

export function createSender(stage: Stage, signal: AbortSignal): Sender {
  let producer: Producer | undefined
  let partitions = 1
  let counted = Number.NEGATIVE_INFINITY

  async function countPartitions(): Promise<void> {
    if (performance.now() - counted < COUNT_MS) return
    const { topics } = await stage.admin((admin) => admin.fetchTopicMetadata({ topics: [TOPIC] }))
    partitions = topics[0]!.partitions.length
    counted = performance.now()
  }

  async function close(): Promise<void> {
    await producer?.disconnect().catch(() => {})
    producer = undefined
  }

  return {
    async send(records) {
      let open = records
      while (open.length > 0) {
        signal.throwIfAborted()
        try {
          await countPartitions()
          const placed = open.map((r) => ({ ...r, partition: r.partition ?? sumOf(r.key ?? '') % partitions }))
          if (!producer) {
            producer = stage.client.producer({ allowAutoTopicCreation: false, retry: { retries: 3 } })
            await producer.connect()
          }
          const answer = await producer.send({ topic: TOPIC, acks: -1, messages: placed })
          const taken = new Set(answer.filter((a) => Number(a.baseOffset ?? -1) >= 0).map((a) => a.partition))
          open = placed.filter((r) => !taken.has(r.partition))
          if (open.length > 0) await close() // a new one asks for the leaders anew
        } catch {
          await close()
          await sleep(AGAIN_MS, undefined, { signal })
        }
      }
    },
    close,
  }
}

/** What is of one key comes to one partition. */
function sumOf(key: string): number {
  let sum = 0
  for (const char of key) sum += char.charCodeAt(0)
  return sum
}
