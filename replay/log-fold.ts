/** Folds the log again, in memory, up to where a learner stands. */
import { DecodeError } from '../core/codec/codec.ts'
import { createDecoder } from '../core/codec/decoder.ts'
import { checkFlatEvent, createFlatReader, type FlatEvent } from '../core/codec/flat-event.ts'
import { createRegistryClient } from '../core/codec/registry.ts'
import { AT_ONCE } from '../core/codec/unknown-schemas.ts'
import type { RegistryConfig } from '../core/config.ts'
import { StrandlineError } from '../core/errors.ts'
import type { EventLog, LogRecord } from '../core/log/log.ts'
import { readRanges } from '../core/log/read-all.ts'
import { createLedgerFold, type LedgerFold } from '../domain/learning/ledger-fold.ts'
import type { Model } from '../domain/learning/model.ts'
import { placeOf } from '../services/audit/stores.ts'

export interface LogFold {
  fold: LedgerFold
  /** Trades of the model that were folded, repetitions among them. */
  events(): number
  /** Whether more was folded than up to these offsets: a fold cannot go back. */
  isBeyond(checkpoints: Checkpoints): boolean
  /** Folds on, up to these offsets (next to be applied, by partition). False: nothing lay between. */
  upTo(checkpoints: Checkpoints): Promise<boolean>
}

type Checkpoints = readonly (readonly [partition: number, checkpoint: number])[]

export interface LogFoldOptions {
  log: EventLog
  registry: RegistryConfig
  topic: string
  model: Model
  /** Places (partition/offset) that the learner refused, though they may be readable now. */
  refused: ReadonlySet<string>
  progress?(done: number, total: number): void
}

/** Errors: those of the log and the registry; REGISTRY_SCHEMA_UNKNOWN where it does not know now what the learner has read. */
export function createLogFold({ log, registry, topic, model, refused, progress }: LogFoldOptions): LogFold {
  const decode = createDecoder<FlatEvent>(createRegistryClient(registry), createFlatReader(), {
    unknownSchemas: AT_ONCE,
  })
  const fold = createLedgerFold(model)
  const folded = new Map<number, number>()
  /** The same, with what a try that failed may have folded. */
  const begun = new Map<number, number>()
  let events = 0

  function take(event: FlatEvent, { key, timestamp, offset }: LogRecord, partition: number): void {
    if (checkFlatEvent(event, key, timestamp) || !model.accepts(event.source)) return
    if (refused.size > 0 && refused.has(placeOf(partition, offset))) return
    events++
    fold.add(event, partition, offset)
  }

  /** A record that is no event. */
  function passOver(error: unknown, partition: number, offset: number): void {
    if (!(error instanceof DecodeError)) throw error
    if (error.reason !== 'unknown_schema' || refused.has(placeOf(partition, offset))) return
    throw new StrandlineError(
      'REGISTRY_SCHEMA_UNKNOWN',
      `Record ${partition}:${offset} of ${topic} was learned, and cannot be read now: ${error.message}.`,
      {
        todo: 'Ask again once the registry knows it. Is it the one that the producers use, and up to date?',
        cause: error,
      },
    )
  }

  return {
    fold,
    events: () => events,
    isBeyond(checkpoints) {
      const now = new Map(checkpoints)
      return [...begun].some(([partition, end]) => (now.get(partition) ?? 0) < end)
    },
    async upTo(checkpoints) {
      const starts = new Map((await log.offsets(topic)).map((o) => [o.partition, o.start]))
      const ranges = checkpoints
        .map(([partition, end]) => ({ partition, start: folded.get(partition) ?? starts.get(partition) ?? 0, end }))
        .filter((r) => r.end > r.start)
      if (ranges.length === 0) return false
      const total = ranges.reduce((sum, r) => sum + r.end - r.start, 0)
      let read = 0
      const before = events
      for (const { partition, end } of ranges) begun.set(partition, end)
      try {
        await readRanges(log, topic, ranges, (record, partition) => {
          if (++read % 1_000 === 0) progress?.(read, total)
          const pass = (error: unknown) => passOver(error, partition, record.offset)
          try {
            const event = decode(record.value, record.timestamp)
            if (event instanceof Promise) return event.then((e) => take(e, record, partition), pass)
            take(event, record, partition)
          } catch (error) {
            pass(error)
          }
        })
      } catch (error) {
        events = before // the next try reads them again, and what is folded is not folded twice
        throw error
      }
      progress?.(total, total)
      for (const { partition, end } of ranges) folded.set(partition, end)
      return true
    },
  }
}
