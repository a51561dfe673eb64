/**
 * Records that cannot be applied, into the dead-letter topic: key, value and headers as they were, and why, in Kafka Connect's headers
 * (`__connect.errors.*`), which Redpanda Console and most tools know. What `dead_letters` has already is not sent twice by a replay.
 */
import { LRUCache } from 'lru-cache'
import { findStrandlineError } from '../../core/errors.ts'
import type { EventLog, LogRecord, OutgoingRecord, ProducedRecord } from '../../core/log/log.ts'
import type { Claim } from '../../core/runner/partition-runner.ts'
import type { Store } from '../../core/store/store.ts'
import { storeError } from '../../core/store/store.ts'
import type { DeadLetterRow } from './learner-store.ts'

export interface DeadLetter {
  record: LogRecord
  reason: string
  detail: string
}

export interface DeadLetters {
  /** Sends what is new; resolves, once durable, to the rows to commit. */
  send(claim: Claim, letters: DeadLetter[]): Promise<DeadLetterRow[]>
  /** Notes that a replay read the records from `from` to below `next` again and could apply all but the refused ones. */
  applied(claim: Claim, range: { from: number; next: number; refused: number[] }): Promise<void>
}

export interface DeadLetterOptions {
  store: Store
  log: Pick<EventLog, 'produce'>
  consumer: string
  topic: string
  /** null: only the table is written (a second learner beside the one that dead-letters). */
  deadLetterTopic: string | null
}

const MAX_DETAIL = 500
/** Ids asked for in one request: they travel in the URL. */
const ASK = 100

export function createDeadLetters({ store, log, consumer, topic, deadLetterTopic }: DeadLetterOptions): DeadLetters {
  /** Sent but perhaps not committed yet: a chunk that is tried again does not send them twice. */
  const sent = new LRUCache<string, DeadLetterRow>({ max: 10_000 })

  async function recorded(partition: number, offsets: number[]): Promise<Set<number>> {
    const known = new Set<number>()
    for (let i = 0; i < offsets.length; i += ASK) {
      const { data, error, status } = await store.client
        .from('dead_letters')
        .select('offset')
        .eq('consumer', consumer)
        .eq('topic', topic)
        .eq('partition', partition)
        .in('offset', offsets.slice(i, i + ASK))
      if (error) throw storeError(error, status, 'dead_letters', 'the database')
      for (const row of data) known.add(Number(row.offset))
    }
    return known
  }

  async function produce(claim: Claim, letter: DeadLetter, kept: Kept): Promise<ProducedRecord | undefined> {
    if (deadLetterTopic === null) return undefined
    return (await log.produce(deadLetterTopic, [outgoing(letter, topic, claim.partition, consumer, kept)]))[0]
  }

  /** What the dead-letter topic does not take with others goes there alone, or in part: the log itself still has it whole. */
  async function produceAlone(claim: Claim, letter: DeadLetter): Promise<ProducedRecord | undefined> {
    for (const kept of KEPT.slice(0, -1)) {
      try {
        return await produce(claim, letter, kept)
      } catch (error) {
        if (!isTooLarge(error)) throw error
      }
    }
    return produce(claim, letter, KEPT.at(-1) as Kept)
  }

  return {
    async send(claim, letters) {
      const { partition } = claim
      const id = (l: DeadLetter) => `${partition}/${l.record.offset}`
      const known = await recorded(
        partition,
        letters.map((l) => l.record.offset),
      )
      const open = letters.filter((l) => !known.has(l.record.offset))
      const rows = new Map<DeadLetter, DeadLetterRow>()
      for (const l of open) {
        const row = sent.get(id(l))
        if (row) rows.set(l, row)
      }
      const note = (l: DeadLetter, placed: ProducedRecord | undefined) => {
        const row = {
          offset: l.record.offset,
          reason: l.reason,
          detail: clean(l.detail),
          dead_topic: deadLetterTopic,
          dead_partition: placed?.partition ?? null,
          dead_offset: placed?.offset ?? null,
        }
        rows.set(l, row)
        sent.set(id(l), row)
      }
      const fresh = open.filter((l) => !rows.has(l))
      // each on its own, which the log puts together: what fails does not fail the others, nor are those sent again
      const answers = await Promise.allSettled(fresh.map((l) => produce(claim, l, 'whole')))
      for (const [i, answer] of answers.entries())
        if (answer.status === 'fulfilled') note(fresh[i] as DeadLetter, answer.value)
      for (const [i, answer] of answers.entries()) {
        if (answer.status === 'fulfilled') continue
        if (!isTooLarge(answer.reason)) throw answer.reason
        note(fresh[i] as DeadLetter, await produceAlone(claim, fresh[i] as DeadLetter))
      }
      return open.map((l) => rows.get(l) as DeadLetterRow)
    },
    applied: ({ partition }, { from, next, refused }) =>
      store.rpc<void>('dead_letters_applied', {
        p_consumer: consumer,
        p_topic: topic,
        p_partition: partition,
        p_from: from,
        p_next: next,
        p_refused: `{${refused.join(',')}}`,
      }),
  }
}

/** What every database and tool takes: no NUL, and no half of a character where the text was cut. */
const clean = (detail: string) => detail.slice(0, MAX_DETAIL).replaceAll('\0', '').toWellFormed()

const isTooLarge = (error: unknown) => findStrandlineError(error)?.code === 'LOG_RECORD_TOO_LARGE'

type Kept = 'whole' | 'without its value' | 'without its value, key and headers'
const KEPT: Kept[] = ['whole', 'without its value', 'without its value, key and headers']

function outgoing(
  { record, reason, detail }: DeadLetter,
  topic: string,
  partition: number,
  consumer: string,
  kept: Kept,
): OutgoingRecord {
  const headers: NonNullable<OutgoingRecord['headers']> = {}
  if (kept !== KEPT[2])
    for (const [name, value] of Object.entries(record.headers)) if (value !== undefined) headers[name] = value
  if (kept !== 'whole') headers['strandline.kept'] = `${kept} (${record.value?.length ?? 0} bytes)`
  return {
    key: kept === KEPT[2] ? null : record.key,
    value: kept === 'whole' ? record.value : null,
    headers: {
      ...headers,
      '__connect.errors.topic': topic,
      '__connect.errors.partition': String(partition),
      '__connect.errors.offset': String(record.offset),
      '__connect.errors.connector.name': consumer,
      '__connect.errors.task.id': String(partition),
      '__connect.errors.stage': 'VALUE_CONVERTER',
      '__connect.errors.class.name': 'strandline.learner',
      '__connect.errors.exception.class.name': reason,
      '__connect.errors.exception.message': clean(detail),
      'strandline.reason': reason,
    },
  }
}
