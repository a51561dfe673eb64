/**
 * Redriving: the record of a dead letter is published to its topic again, into its own partition, with its bytes, key and headers. (Into another one where
 * the topic was made anew with fewer: the fold does not depend on it.)
 *
 * What is good now counts once: the ledger applies an event once, however often it is published. What is refused again is a letter again, at its new place.
 * That this has an end, whoever asks for it however often:
 * - a copy says in its headers how often its record was published again. Redriving *everything* leaves copies alone, whatever they were refused for; a person
 *   names them, or says so (`again`), and nobody redrives a record more than MAX_REDRIVES times without `force`, which takes names.
 * - before a record is published, the database is told that it is about to be; so one whose redrive was interrupted before it was noted is looked for first,
 *   and not published a second time. (A copy that another redrive writes at the same moment is not seen; the ledger is what counts.)
 */
import { findStrandlineError } from '../../core/errors.ts'
import type { EventLog, OutgoingRecord, PartitionOffsets } from '../../core/log/log.ts'
import { readRanges } from '../../core/log/read-all.ts'
import { digestOf } from '../../core/runner/last-record.ts'
import type { DeadLetter } from './dead-letter-list.ts'
import { type FoundRecord, recordsOf } from './dead-letter-record.ts'
import type { DeadLetterStore, Place } from './dead-letter-store.ts'
import { headerText } from './letter-headers.ts'
import { placeText } from './place.ts'
import { REDRIVE_OF, redriveHeaders } from './redrive-headers.ts'

export const MAX_REDRIVES = 5

/** Letters that are read, and published again, at once. */
const PIECE = 200

export type WhyLeft =
  /** It is none, or was dealt with. */
  | 'unknown'
  | 'open'
  | 'redriven'
  | 'applied'
  | 'discarded'
  /** It was redriven before and refused again: leave it to a person. */
  | 'failed_again'
  | 'too_often'
  /** Neither the topic has it, nor, whole, the dead-letter topic. */
  | 'gone'
  | 'too_large'

export interface LeftLetter extends Place {
  code: WhyLeft
  /** In words. */
  why: string
}

export interface Redriven extends Place {
  to: Place
  /** false: it had been published before, by a redrive that was interrupted; now that is noted. */
  published: boolean
}

export interface Redrives {
  redriven: Redriven[]
  left: LeftLetter[]
}

export interface RedriveRules {
  /** The letters were named, one by one. */
  named?: boolean
  /** Also those that were redriven before. */
  again?: boolean
  /** However often they were. */
  force?: boolean
}

/** Which of the letters may be redriven, and why the others may not. */
export function redrivable(
  letters: readonly DeadLetter[],
  { named = false, again = false, force = false }: RedriveRules,
): { letters: DeadLetter[]; left: LeftLetter[] } {
  const left: LeftLetter[] = []
  const taken = letters.filter((letter) => {
    const why = whyNot(letter, named || again, force)
    if (why) left.push({ ...placeOf(letter), ...why })
    return why === null
  })
  return { letters: taken, left }
}

function whyNot(letter: DeadLetter, again: boolean, force: boolean): Pick<LeftLetter, 'code' | 'why'> | null {
  const { state, redriven_to, redrives } = letter
  if (state === 'redriven')
    return { code: state, why: `it was redriven before, to ${redriven_to?.partition}:${redriven_to?.offset}` }
  if (state === 'applied') return { code: state, why: 'it was applied since, by a replay' }
  if (state === 'discarded') return { code: state, why: 'it is discarded (./strandline dead-letters reopen)' }
  if (letter.reason === 'batch_too_large')
    return { code: 'too_large', why: 'nobody expanded the batch that holds it, so its bytes are not known' }
  if (redrives >= MAX_REDRIVES && !force)
    return {
      code: 'too_often',
      why: `its record was redriven ${redrives} times and refused each time (name it, with --force)`,
    }
  if (redrives > 0 && !again)
    return { code: 'failed_again', why: 'its record was redriven and refused again (name it, or add --again)' }
  return null
}

export interface WouldPublish {
  letter: DeadLetter
  from: FoundRecord['from']
  /** Where it would go. */
  partition: number
}

/** What would be redriven, from where, and what would be left. Errors: LOG_UNREACHABLE, LOG_TOPIC_MISSING. */
export async function previewRedrive(
  log: Pick<EventLog, 'offsets' | 'consume'>,
  topic: string,
  letters: readonly DeadLetter[],
  progress: (done: number) => void = () => undefined,
): Promise<{ would: WouldPublish[]; left: LeftLetter[] }> {
  const would: WouldPublish[] = []
  const left: LeftLetter[] = []
  for (let at = 0; at < letters.length; at += PIECE) {
    const piece = await readPiece(log, topic, letters.slice(at, at + PIECE))
    would.push(
      ...piece.found.map(([letter, { from }]) => ({ letter, from, partition: partitionFor(letter, piece.ranges) })),
    )
    left.push(...piece.left)
    progress(Math.min(at + PIECE, letters.length))
  }
  return { would, left }
}

/**
 * Publishes the records of open letters again. Errors: LOG_UNREACHABLE, LOG_TOPIC_MISSING, STORE_UNREACHABLE; what was published by then is noted, or is
 * found when it is said once more.
 */
export async function redrive(
  deps: { store: DeadLetterStore; log: EventLog },
  topic: string,
  letters: readonly DeadLetter[],
  progress: (done: number) => void = () => undefined,
): Promise<Redrives> {
  const redriven: Redriven[] = []
  const left: LeftLetter[] = []
  for (let at = 0; at < letters.length; at += PIECE) {
    const piece = await readPiece(deps.log, topic, letters.slice(at, at + PIECE))
    const published = await publish(deps, topic, piece.ranges, piece.found)
    redriven.push(...published.redriven)
    left.push(...piece.left, ...published.left)
    progress(Math.min(at + PIECE, letters.length))
  }
  return { redriven: redriven.sort(byPlace), left: left.sort(byPlace) }
}

type Ranges = ReadonlyMap<number, PartitionOffsets>

const partitionFor = ({ partition }: Pick<Place, 'partition'>, ranges: Ranges): number =>
  ranges.has(partition) ? partition : partition % ranges.size

type Found = [letter: DeadLetter, record: FoundRecord]

async function readPiece(log: Pick<EventLog, 'offsets' | 'consume'>, topic: string, letters: readonly DeadLetter[]) {
  const records = await recordsOf(log, topic, letters)
  const ranges = new Map((await log.offsets(topic)).map((r) => [r.partition, r]))
  const found: Found[] = []
  const left: LeftLetter[] = []
  for (const letter of letters) {
    const record = records.get(letter)
    const why = whyGone(topic, letter, record)
    if (why) left.push({ ...placeOf(letter), ...why })
    else if (record) found.push([letter, record])
  }
  return { ranges, found, left }
}

function whyGone(
  topic: string,
  letter: DeadLetter,
  record: FoundRecord | undefined,
): Pick<LeftLetter, 'code' | 'why'> | null {
  const copy = letter.dead_letter === null ? 'it has no copy' : 'its copy in the dead-letter topic is gone, too'
  if (!record) return { code: 'gone', why: `${topic} does not have this record any more, and ${copy}` }
  if (record.incomplete === null) return null
  return { code: 'gone', why: `${topic} does not have this record any more, and its copy is ${record.incomplete}` }
}

/** Says that they are about to be published, looks for what was before, publishes the rest, and notes all of it. */
async function publish(
  deps: { store: DeadLetterStore; log: EventLog },
  topic: string,
  ranges: Ranges,
  found: readonly Found[],
): Promise<Redrives> {
  const begun = await begin(deps.store, topic, ranges, found)
  const before = await copiesOf(deps.log, topic, ranges, begun)
  const sent = await send(
    deps.log,
    topic,
    ranges,
    begun.filter(({ letter }) => !before.has(letter)),
  )
  const redriven = [
    ...[...before].map(([letter, to]): Redriven => ({ ...placeOf(letter), to, published: false })),
    ...sent.redriven,
  ]
  const letterAt = new Map(begun.map(({ letter }) => [placeText(letter), letter]))
  const placed = redriven.map((r) => ({ ...(letterAt.get(placeText(r)) as DeadLetter), to: r.to }))
  for (const [partition, of] of Map.groupBy(placed, (letter) => letter.partition))
    await deps.store.redriven(topic, partition, of)
  if (sent.failures.length > 0) throw sent.failures[0]
  const mine = new Set(begun.map(({ letter }) => letter))
  const settled = found
    .filter(([letter]) => !mine.has(letter))
    .map(([letter]): LeftLetter => ({ ...placeOf(letter), code: 'unknown', why: 'somebody else has dealt with it' }))
  return { redriven, left: [...sent.left, ...settled] }
}

interface Begun {
  letter: DeadLetter
  record: FoundRecord
  /** Where the partition ended when a redrive of it began that was not noted as done; now, where there was none. */
  from: number
}

async function begin(store: DeadLetterStore, topic: string, ranges: Ranges, found: readonly Found[]): Promise<Begun[]> {
  const begun: Begun[] = []
  for (const [partition, of] of Map.groupBy(found, ([letter]) => letter.partition)) {
    const byOffset = new Map(of.map((one) => [one[0].offset, one]))
    const { end } = ranges.get(partitionFor({ partition }, ranges)) as PartitionOffsets
    const letters = of.map(([letter]) => letter)
    for (const [offset, from] of await store.redriving(topic, partition, letters, end)) {
      const [letter, record] = byOffset.get(offset) as Found
      begun.push({ letter, record, from })
    }
  }
  return begun
}

/** What redrives that were interrupted have published: the first copy of each. */
async function copiesOf(
  log: Pick<EventLog, 'consume'>,
  topic: string,
  ranges: Ranges,
  begun: readonly Begun[],
): Promise<Map<DeadLetter, Place>> {
  const byPlace = new Map(begun.map((b) => [placeText(b.letter), b]))
  const looked = [...ranges.values()].map(({ partition, start, end }) => {
    const from = begun.filter((b) => partitionFor(b.letter, ranges) === partition).map((b) => b.from)
    return { partition, start: Math.max(start, Math.min(end, ...from)), end }
  })
  const copies = new Map<DeadLetter, Place>()
  await readRanges(log, topic, looked, (record, partition) => {
    // of a topic that was made anew a copy may lie anywhere
    const of = byPlace.get(headerText(record.headers, REDRIVE_OF) ?? '')
    if (!of || copies.has(of.letter) || digestOf(record) !== digestOf(of.record)) return
    copies.set(of.letter, { partition, offset: record.offset })
  })
  return copies
}

/** Each on its own, which the log puts together: what fails does not fail the others. */
async function send(
  log: Pick<EventLog, 'produce'>,
  topic: string,
  ranges: Ranges,
  begun: readonly Begun[],
): Promise<Redrives & { failures: unknown[] }> {
  const answers = await Promise.allSettled(
    begun.map((b) => log.produce(topic, [again(b.letter, b.record, partitionFor(b.letter, ranges))])),
  )
  const done: Awaited<ReturnType<typeof send>> = { redriven: [], left: [], failures: [] }
  for (const [i, answer] of answers.entries()) {
    const at = placeOf((begun[i] as Begun).letter)
    if (answer.status === 'fulfilled')
      done.redriven.push({ ...at, to: placeOf(answer.value[0] as Place), published: true })
    else if (findStrandlineError(answer.reason)?.code === 'LOG_RECORD_TOO_LARGE')
      done.left.push({ ...at, code: 'too_large', why: `${topic} does not take it any more: it is too large` })
    else done.failures.push(answer.reason)
  }
  return done
}

function again(letter: DeadLetter, { key, value, headers }: FoundRecord, partition: number): OutgoingRecord {
  const own = Object.entries(headers).filter(([, header]) => header !== undefined && header !== null)
  const kept = Object.fromEntries(own) as NonNullable<OutgoingRecord['headers']> // whatever their names
  return { key, value, headers: { ...kept, ...redriveHeaders(letter, letter.redrives) }, partition }
}

const placeOf = ({ partition, offset }: Place): Place => ({ partition, offset })
const byPlace = (a: Place, b: Place) => a.partition - b.partition || a.offset - b.offset
