/**
 * Discarding: an open letter is settled without being applied. Its record stays in both topics, and so does the letter, with who did it, when and why: a replay
 * knows it by that, and sends no second one.
 */
import type { DeadLetter } from './dead-letter-list.ts'
import type { DeadLetterStore, NotedRecord, Place } from './dead-letter-store.ts'

/** Letters of one request. */
const PIECE = 500

/** Answers with those that were open. @param by who, for a person. Errors: STORE_UNREACHABLE, STORE_REJECTED. */
export const discardLetters = (
  store: DeadLetterStore,
  topic: string,
  letters: readonly DeadLetter[],
  by: string,
  why: string,
): Promise<Place[]> => inPieces(letters, (partition, records) => store.discard(topic, partition, records, by, why))

/** Answers with those that were discarded. Errors: as discardLetters. */
export const reopenLetters = (
  store: DeadLetterStore,
  topic: string,
  letters: readonly DeadLetter[],
): Promise<Place[]> => inPieces(letters, (partition, records) => store.reopen(topic, partition, records))

async function inPieces(
  letters: readonly DeadLetter[],
  settle: (partition: number, records: NotedRecord[]) => Promise<number[]>,
): Promise<Place[]> {
  const done: Place[] = []
  for (const [partition, of] of Map.groupBy(letters, (l) => l.partition))
    for (let at = 0; at < of.length; at += PIECE) {
      const settled = await settle(partition, of.slice(at, at + PIECE))
      for (const offset of settled) done.push({ partition, offset })
    }
  return done.sort((a, b) => a.partition - b.partition || a.offset - b.offset)
}
