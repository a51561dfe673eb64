import type { Logger } from 'pino'
import type { Clock } from '../clock.ts'
import type { Ids } from '../ids.ts'
import type { EventLog, LogRecord } from '../log/log.ts'
import type { CheckpointStore } from '../store/checkpoint-store.ts'
import type { ChunkProcessor } from './chunk-processor.ts'

export interface RunnerEvents {
  committed?(info: { partition: number; records: LogRecord[]; next: number; highWatermark: number; ms: number }): void
  fenced?(partition: number): void
  unknownOutcome?(partition: number, happened: boolean): void
}

export interface RunnerOptions {
  consumer: string
  topic: string
  holder: string
  checkpoints: CheckpointStore
  log: Pick<EventLog, 'offsets' | 'topicId' | 'recordsAt'>
  clock: Clock
  /** Of commits; default: the system's. */
  ids?: Ids
  logger: Logger
  processor: ChunkProcessor
  /** Most records of one transaction. */
  maxChunk?: number
  /** A partition without a checkpoint is begun although the log's first records are gone. */
  acceptTruncated?: boolean
  /** Asked at each claim: may this log be read? What it throws is told and asked again, until it passes. */
  admit?: () => Promise<void>
  events?: RunnerEvents
}
