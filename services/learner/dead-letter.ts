/**
 * Records that cannot be applied, into the dead-letter topic: key, value and headers as they were, and why, in Kafka Connect's headers
 * (`__connect.errors.*`), which Redpanda Console and most tools know. What `dead_letters` has already is not sent twice by a replay; a record of another
 * topic of the same name, at the same place, is another record.
 */
import { LRUCache } from 'lru-cache'
import { findStrandlineError } from '../../core/errors.ts'
import type { EventLog, LogRecord, OutgoingRecord, ProducedRecord } from '../../core/log/log.ts'
import type { Claim } from '../../core/runner/partition-runner.ts'
import type { Refused } from '../../core/runner/read-events.ts'
import { startOf } from '../../domain/limits.ts'
import type { DeadLetterRow } from './commit.ts'
import type { DeadLetterStore } from './dead-letter-store.ts'
import { LETTER_HEADERS } from './letter-headers.ts'
import { readRedrive } from './redrive-headers.ts'

export interface DeadLetters {
  /** Sends what is new; resolves, once durable, to the rows to commit. */
  send(claim: Claim, letters: Refused[]): Promise<DeadLetterRow[]>
  /** Notes that a replay read the records from `from` to below `next` again and could apply all but the refused ones. */
  applied(claim: Claim, range: { from: number; next: number; refused: number[] }): Promise<void>
}

export interface DeadLetterOptions {
  store: DeadLetterStore
  log: Pick<EventLog, 'produce'>
  consumer: string
  topic: string
  deadLetterTopic: string
  /** Asked when there are letters. false: only the table is written; the active model's learner is the one that sends. */
  active: () => Promise<boolean>
}

const MAX_DETAIL = 500
/** Offsets asked for in one request. */
const ASK = 500

export function createDeadLetters(options: DeadLetterOptions): DeadLetters {
  const { store, log, consumer, topic, deadLetterTopic, active } = options
  /** Sent but perhaps not committed yet: a chunk that is tried again does not send them twice. */
  const sent = new LRUCache<string, DeadLetterRow>({ max: 10_000 })

  /** Which of them `dead_letters` has. A row of an older version names no topic: it counts where this checkpoint has been before. */
  async function recorded({ partition, checkpoint, topicId }: Claim, records: LogRecord[]): Promise<Set<LogRecord>> {
    const known = new Set<LogRecord>()
    for (let i = 0; i < records.length; i += ASK) {
      const asked = new Map(records.slice(i, i + ASK).map((r) => [r.offset, r]))
      const rows = await store.at({ consumer, topic, partition }, [...asked.keys()])
      for (const { offset, topic_id, record_ms } of rows) {
        const record = asked.get(offset)
        if (!record) continue
        const sameTopic = topic_id === '' || !topicId || topic_id === topicId
        const older = topic_id === '' && record_ms === 0
        const been = checkpoint !== null && record.offset < checkpoint
        if (sameTopic && (record_ms === record.timestamp || (older && been))) known.add(record)
      }
    }
    return known
  }

  async function produce(claim: Claim, letter: Refused, kept: Kept): Promise<ProducedRecord | undefined> {
    return (await log.produce(deadLetterTopic, [outgoing(letter, topic, claim.partition, consumer, kept)]))[0]
  }

  /** What the dead-letter topic does not take with others goes there alone, or in part: the log itself still has it whole. */
  async function produceAlone(claim: Claim, letter: Refused): Promise<ProducedRecord | undefined> {
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
      const { partition, topicId } = claim
      const id = ({ record }: Refused) => `${topicId}/${partition}/${record.offset}/${record.timestamp}`
      const known = await recorded(
        claim,
        letters.map((l) => l.record),
      )
      const open = letters.filter((l) => !known.has(l.record))
      const rows = new Map<Refused, DeadLetterRow>()
      for (const l of open) {
        const row = sent.get(id(l))
        if (row) rows.set(l, row)
      }
      const sends = open.some((l) => !rows.has(l)) && (await active())
      const note = (l: Refused, placed: ProducedRecord | undefined) => {
        const row = {
          offset: l.record.offset,
          record_ms: l.record.timestamp,
          reason: l.reason,
          detail: startOf(l.detail, MAX_DETAIL),
          dead_topic: sends ? deadLetterTopic : null,
          dead_partition: placed?.partition ?? null,
          dead_offset: placed?.offset ?? null,
          ...readRedrive(l.record.headers, { partition, offset: l.record.offset }),
        }
        rows.set(l, row)
        sent.set(id(l), row)
      }
      const fresh = open.filter((l) => !rows.has(l))
      if (!sends) for (const l of fresh.splice(0)) note(l, undefined)
      // each on its own, which the log puts together: what fails does not fail the others, nor are those sent again
      const answers = await Promise.allSettled(fresh.map((l) => produce(claim, l, 'whole')))
      for (const [i, answer] of answers.entries())
        if (answer.status === 'fulfilled') note(fresh[i] as Refused, answer.value)
      for (const [i, answer] of answers.entries()) {
        if (answer.status === 'fulfilled') continue
        if (!isTooLarge(answer.reason)) throw answer.reason
        note(fresh[i] as Refused, await produceAlone(claim, fresh[i] as Refused))
      }
      return open.map((l) => rows.get(l) as DeadLetterRow)
    },
    applied: ({ partition, topicId }, range) => store.applied({ consumer, topic, partition }, range, topicId ?? null),
  }
}

const isTooLarge = (error: unknown) => findStrandlineError(error)?.code === 'LOG_RECORD_TOO_LARGE'

type Kept = 'whole' | 'without its value' | 'without its value, key and headers'
const KEPT: Kept[] = ['whole', 'without its value', 'without its value, key and headers']

function outgoing(
  { record, reason, detail }: Refused,
  topic: string,
  partition: number,
  consumer: string,
  kept: Kept,
): OutgoingRecord {
  const own = kept === KEPT[2] ? [] : Object.entries(record.headers).filter(([, value]) => value !== undefined)
  const headers = Object.fromEntries(own) as NonNullable<OutgoingRecord['headers']> // whatever their names: also __proto__
  if (kept !== 'whole') headers[LETTER_HEADERS.kept] = `${kept} (${record.value?.length ?? 0} bytes)`
  return {
    key: kept === KEPT[2] ? null : record.key,
    value: kept === 'whole' ? record.value : null,
    headers: {
      ...headers,
      [LETTER_HEADERS.topic]: topic,
      [LETTER_HEADERS.partition]: String(partition),
      [LETTER_HEADERS.offset]: String(record.offset),
      [LETTER_HEADERS.consumer]: consumer,
      [LETTER_HEADERS.task]: String(partition),
      [LETTER_HEADERS.stage]: 'VALUE_CONVERTER',
      [LETTER_HEADERS.class]: 'strandline.learner',
      [LETTER_HEADERS.reason]: reason,
      [LETTER_HEADERS.detail]: startOf(detail, MAX_DETAIL),
      [LETTER_HEADERS.ownReason]: reason,
    },
  }
}
