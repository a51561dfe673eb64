/** Whether an embedded engine does its job, asked as its clients ask: a process that lives can be frozen, or have come up with a part of it broken. */
import { Kafka as KafkaJs, logLevel } from 'kafkajs'
import pg from 'pg'
import { within } from '../core/within.ts'
import { OFFSETS_PARTITIONS } from './kafka-properties.ts'
import type { Condition } from './wellness.ts'

const LOOK_MS = 5_000

/**
 * Every partition of __consumer_offsets must answer for its groups. A broker that started on a full disk may have failed to load one: it then says that it is
 * not the coordinator of those groups until it is started again, and their consumers wait for ever.
 */
export async function kafkaCondition(port: number): Promise<Condition> {
  const client = new KafkaJs({
    clientId: 'strandline-health',
    brokers: [`127.0.0.1:${port}`],
    logLevel: logLevel.NOTHING,
    connectionTimeout: LOOK_MS,
    requestTimeout: LOOK_MS,
    retry: { retries: 3, initialRetryTime: 50 }, // its first attempt finds no broker
  })
  const admin = client.admin()
  try {
    await within(admin.connect(), LOOK_MS)
    await within(admin.describeGroups(GROUP_OF_EACH_PARTITION), LOOK_MS)
    return { state: 'well' }
  } catch (error) {
    const refusal = [error, (error as Error).cause].find((e) => (e as { type?: string } | undefined)?.type)
    return refusal
      ? { state: 'not ready', reason: `some of its consumer groups cannot be read: ${(refusal as Error).message}` }
      : { state: 'dead', reason: 'no answer' }
  } finally {
    await within(admin.disconnect(), LOOK_MS).catch(() => {})
  }
}

/** Any answer will do: one that is full, or recovers after a crash, says so. */
export async function postgresCondition(url: string): Promise<Condition> {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: LOOK_MS, query_timeout: LOOK_MS })
  client.on('error', () => {})
  try {
    await client.connect()
    await client.query('select 1')
    return { state: 'well' }
  } catch (error) {
    return error instanceof pg.DatabaseError ? { state: 'well' } : { state: 'dead', reason: 'no answer' }
  } finally {
    await within(client.end(), LOOK_MS).catch(() => {})
  }
}

/** One group id for each partition; Kafka places a group by Java's hash of its id. The groups need not exist. */
export const GROUP_OF_EACH_PARTITION = Array.from({ length: OFFSETS_PARTITIONS }, (_, partition) => {
  for (let i = 0; ; i++) if (offsetsPartition(`strandline-health-${i}`) === partition) return `strandline-health-${i}`
})

function offsetsPartition(groupId: string): number {
  let hash = 0
  for (const char of groupId) hash = (Math.imul(hash, 31) + char.charCodeAt(0)) | 0
  return Math.abs(hash) % OFFSETS_PARTITIONS
}
