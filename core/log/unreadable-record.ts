/** A record of which only the place is known: its batch could not be expanded. */
import type { BatchContext } from './fetched-record.ts'
import type { LogRecord } from './log.ts'
import { logTime } from './log-time.ts'

export class UnreadableRecord implements LogRecord {
  readonly batchContext: BatchContext
  readonly offset: number
  readonly unreadable: string
  readonly key = null
  readonly value = null
  readonly headers = {}

  constructor(context: BatchContext, index: number, why: string) {
    this.batchContext = context
    this.offset = context.firstOffset + index
    this.unreadable = why
  }

  get timestamp(): number {
    return logTime(this.batchContext.timestamp)
  }

  get isControlRecord(): boolean {
    return this.batchContext.isControlBatch
  }
}
