import type { Logger } from 'pino'
import type { Clock } from '../clock.ts'
import type { EventLog, LogRecord } from '../log/log.ts'
import type { Store } from '../store/store.ts'
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
  store: Store
  log: Pick<EventLog, 'offsets'>
  clock: Clock
  logger: Logger
  processor: ChunkProcessor
  /** Most records of one transaction. */
  maxChunk?: number
  events?: RunnerEvents
}
