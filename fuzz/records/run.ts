/** Bad records at volume, in this process: the real codec, checks, learner and projector over stores in memory. */
import { createDecoder } from '../../core/codec/decoder.ts'
import { createFlatReader } from '../../core/codec/flat-event.ts'
import { positionClosedType } from '../../core/codec/position-closed-codec.ts'
import { AT_ONCE } from '../../core/codec/unknown-schemas.ts'
import { loadModel } from '../../core/load-model.ts'
import type { LogRecord } from '../../core/log/log.ts'
import type { PositionClosed } from '../../domain/event.ts'
import { REJECT_REASONS } from '../../domain/validation.ts'
import { createCostWatch, MOST_FACTOR } from '../costs.ts'
import type { Failure, Found } from '../found.ts'
import { createMemoryWatch, type MemoryVerdict, MOST_BYTES_PER_CASE } from '../memory.ts'
import { judgeLoop } from './judge-loop.ts'
import { createLoop, createWaitingClock } from './loop.ts'
import { type FuzzRecord, makeRecord } from './mutate.ts'
import { type Decoders, type Reading, readRecord } from './reading.ts'
import { createRunRegistry } from './schemas.ts'
import { WRITTEN_AT } from './seed-events.ts'

export interface RecordsFound extends Found {
  /** Trades that count, or would if their revision were the highest. */
  applied: number
  /** Good ones of a source that the model does not learn from. */
  not_for_model: number
  /** By reason. */
  refused: Record<string, number>
  kinds: Record<string, number>
  memory: MemoryVerdict
}

/** Records between two looks at what was left; then a new database, since an old one would grow with its trades. */
const ROUND = 1_000
const MODEL = 'lowcap-v4'

export interface RecordsOptions {
  seed: number
  /** How many, from which number on. */
  count: number
  from?: number
  progress?(done: number): void
}

export async function fuzzRecords({ seed, count, from = 0, progress }: RecordsOptions): Promise<RecordsFound> {
  const model = loadModel(MODEL)
  const clock = createWaitingClock(WRITTEN_AT)
  const own = createDecoders(clock.now) // those of the services live as long as they do, so their caches are judged as well
  const services = createDecoders(clock.now)
  const failures: Failure[] = []
  const refused: Record<string, number> = Object.fromEntries(REJECT_REASONS.map((reason) => [reason, 0]))
  const kinds: Record<string, number> = {}
  const memory = createMemoryWatch()
  const costs = createCostWatch()
  let applied = 0
  let not_for_model = 0

  const readOne = async (number: number, offset: number): Promise<[LogRecord, Reading | undefined]> => {
    const { kind, reasons, ...made } = makeRecord(seed, number)
    const record: LogRecord = { ...made, offset }
    kinds[kind] = (kinds[kind] ?? 0) + 1
    const started = performance.now()
    try {
      const reading = await readRecord(record, own, model)
      costs.add(number, sizeOf(record), performance.now() - started)
      const problem = differs(reading, reasons)
      if (problem) failures.push({ part: 'records', number, problem: `${kind}: ${problem}` })
      return [record, reading]
    } catch (error) {
      failures.push({ part: 'records', number, problem: `${kind}: ${(error as Error).stack ?? error}` })
      return [record, undefined]
    }
  }

  const upTo = from + count
  let rounds = 0
  /** Rounds between two collections, each of which takes as long as a hundred records. */
  const between = Math.max(1, Math.floor(count / ROUND / 100))
  for (let number = from; number < upTo; number += ROUND) {
    const records: LogRecord[] = []
    const readings: Reading[] = []
    for (let n = number; n < Math.min(number + ROUND, upTo); n++) {
      const [record, reading] = await readOne(n, records.length)
      if (!reading) continue // it has failed, and would stop the others
      records.push(record)
      readings.push(reading)
      if (reading.reason !== null) refused[reading.reason] = (refused[reading.reason] ?? 0) + 1
      else if (reading.accepted) applied++
      else not_for_model++
    }
    const loop = await createLoop(model, services, clock)
    try {
      await loop.feed(records)
      for (const problem of await judgeLoop(loop, readings, model)) failures.push({ part: 'records', number, problem })
    } catch (error) {
      failures.push({ part: 'records', number, problem: `the loop stops: ${(error as Error).stack ?? error}` })
    }
    progress?.(Math.min(number + ROUND, upTo) - from)
    if (++rounds % between === 0) memory.sample(number + ROUND - from)
  }

  for (const { number, size } of costs.suspects()) {
    const factor = costs.factor(size, await quickest(seed, number, own))
    if (factor > MOST_FACTOR)
      failures.push({
        part: 'records',
        number,
        problem: `takes ${Math.round(factor)} times as long for its ${size} bytes as others`,
      })
  }
  const flat = memory.verdict()
  if (flat.bytes_per_case !== null && flat.bytes_per_case > MOST_BYTES_PER_CASE)
    failures.push({
      part: 'records',
      number: from,
      problem: `${flat.bytes_per_case} bytes of each record stay in memory`,
    })
  return { cases: count, applied, not_for_model, refused, kinds, memory: flat, failures }

  async function quickest(seed: number, number: number, decoders: Decoders): Promise<number> {
    const record = { ...makeRecord(seed, number), offset: 0 }
    let best = Number.POSITIVE_INFINITY
    for (let i = 0; i < 7; i++) {
      const started = performance.now()
      await readRecord(record, decoders, model)
      best = Math.min(best, performance.now() - started)
    }
    return best
  }
}

function createDecoders(now: () => number): Decoders {
  const options = { unknownSchemas: AT_ONCE, now }
  return {
    flat: createDecoder(createRunRegistry(), createFlatReader(), options),
    whole: createDecoder<PositionClosed>(createRunRegistry(), positionClosedType, options),
  }
}

const sizeOf = ({ key, value, headers }: LogRecord) =>
  (key?.length ?? 0) + (value?.length ?? 0) + Object.values(headers).reduce((sum, h) => sum + (h?.length ?? 0), 0)

function differs({ reason }: Reading, reasons: FuzzRecord['reasons']): string | undefined {
  if (reason !== null && !REJECT_REASONS.includes(reason)) return `it was refused for '${reason}', which is no reason`
  if (reasons === undefined) return undefined
  if (reason === null) return reasons.length > 0 ? `it was taken, in spite of ${reasons.join(', ')}` : undefined
  return reasons.includes(reason)
    ? undefined
    : `it was refused for ${reason}, not for ${reasons.join(' or ') || 'anything'}`
}
