/**
 * The records of dead letters: from the topic, or, where it does not have them any more (a retention, a topic that was made anew), their copies in the
 * dead-letter topic, without what was added there.
 */
import { findStrandlineError } from '../../core/errors.ts'
import type { EventLog, LogRecord } from '../../core/log/log.ts'
import { readAt } from '../../core/log/read-at.ts'
import type { DeadLetter } from './dead-letter-list.ts'
import { headerText, LETTER_HEADERS, withoutLetterHeaders } from './letter-headers.ts'

export type FoundRecord = Pick<LogRecord, 'timestamp' | 'key' | 'value' | 'headers'> & {
  from: 'topic' | 'dead-letter topic'
  /** Of a copy that was too large for the dead-letter topic: what is missing of it, in words. */
  incomplete: string | null
}

/** Offsets may differ between the topics of one name; its time tells whether a record is the letter's. */
const isRecordOf = (letter: DeadLetter, record: Pick<LogRecord, 'timestamp'>) =>
  letter.record_ms === 0 || record.timestamp === letter.record_ms

const isCopyOf = (letter: DeadLetter, topic: string, { headers }: Pick<LogRecord, 'headers'>) =>
  headerText(headers, LETTER_HEADERS.topic) === topic &&
  headerText(headers, LETTER_HEADERS.partition) === String(letter.partition) &&
  headerText(headers, LETTER_HEADERS.offset) === String(letter.offset)

const original = ({ timestamp, key, value, headers }: LogRecord): FoundRecord => ({
  timestamp,
  key,
  value,
  headers,
  from: 'topic',
  incomplete: null,
})

const copied = ({ key, value, headers }: LogRecord, letter: DeadLetter): FoundRecord => ({
  timestamp: letter.record_ms,
  key,
  value,
  headers: withoutLetterHeaders(headers),
  from: 'dead-letter topic',
  incomplete: headerText(headers, LETTER_HEADERS.kept) ?? null,
})

/** What neither topic has is missing in the answer. Errors: LOG_UNREACHABLE, LOG_TOPIC_MISSING. */
export async function recordsOf(
  log: Pick<EventLog, 'offsets' | 'consume'>,
  topic: string,
  letters: readonly DeadLetter[],
): Promise<Map<DeadLetter, FoundRecord>> {
  const found = new Map<DeadLetter, FoundRecord>()
  await readPlaces(log, topic, letters, (letter, record) => {
    if (isRecordOf(letter, record)) found.set(letter, original(record))
  })
  const gone = letters.filter((l) => !found.has(l) && l.dead_letter !== null)
  for (const [deadTopic, of] of Map.groupBy(gone, (l) => l.dead_letter?.topic as string))
    await unlessMissing(
      readPlaces(
        log,
        deadTopic,
        of,
        (letter, record) => {
          if (isCopyOf(letter, topic, record)) found.set(letter, copied(record, letter))
        },
        (l) => l.dead_letter as NonNullable<DeadLetter['dead_letter']>,
      ),
    )
  return found
}

/** null where there is no such topic any more. */
const unlessMissing = <T>(work: Promise<T>): Promise<T | null> =>
  work.catch((error) => {
    if (findStrandlineError(error)?.code === 'LOG_TOPIC_MISSING') return null
    throw error
  })

/** The same for one, without joining a group: at once. Errors: LOG_UNREACHABLE. */
export async function recordOfLetter(
  log: Pick<EventLog, 'offsets' | 'recordsAt'>,
  topic: string,
  letter: DeadLetter,
): Promise<FoundRecord | null> {
  const there = await unlessMissing(recordAt(log, topic, letter))
  if (there && isRecordOf(letter, there)) return original(there)
  const copy = letter.dead_letter && (await unlessMissing(recordAt(log, letter.dead_letter.topic, letter.dead_letter)))
  return copy && isCopyOf(letter, topic, copy) ? copied(copy, letter) : null
}

async function recordAt(
  log: Pick<EventLog, 'offsets' | 'recordsAt'>,
  topic: string,
  { partition, offset }: { partition: number; offset: number },
): Promise<LogRecord | null> {
  const range = (await log.offsets(topic)).find((r) => r.partition === partition)
  if (!range || offset < range.start || offset >= range.end) return null
  const found = (await log.recordsAt(topic, new Map([[partition, offset]]))).get(partition)
  return found?.offset === offset ? found : null
}

async function readPlaces(
  log: Pick<EventLog, 'offsets' | 'consume'>,
  topic: string,
  letters: readonly DeadLetter[],
  visit: (letter: DeadLetter, record: LogRecord) => void,
  placeOf: (letter: DeadLetter) => { partition: number; offset: number } = (l) => l,
): Promise<void> {
  const byPlace = new Map(letters.map((l) => [`${placeOf(l).partition}:${placeOf(l).offset}`, l]))
  const offsets = new Map(
    [...Map.groupBy(letters, (l) => placeOf(l).partition)].map(([p, of]) => [p, of.map((l) => placeOf(l).offset)]),
  )
  await readAt(log, topic, offsets, async (partition, records) => {
    for (const record of records) {
      const letter = byPlace.get(`${partition}:${record.offset}`)
      if (letter) visit(letter, record)
    }
  })
}
