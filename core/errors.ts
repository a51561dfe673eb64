/** Every failure a person can cause or must act on. `code` is stable; the message says what happened to what, `todo` what to do next. */
export type ErrorCode =
  | 'CONFIG_INVALID'
  | 'USAGE'
  | 'FILE_UNREADABLE'
  | 'FILE_INVALID'
  | 'FOLDER_UNUSABLE'
  | 'JAVA_MISSING'
  | 'PORT_TAKEN'
  | 'DOWNLOAD_FAILED'
  | 'ENGINE_FAILED'
  | 'STACK_NOT_RUNNING'
  | 'STACK_BUSY'
  | 'STORE_UNREACHABLE'
  | 'STORE_REJECTED'
  | 'STORE_SCHEMA'
  | 'LOG_UNREACHABLE'
  | 'LOG_AUTH'
  | 'LOG_CLOSED'
  | 'LOG_TOPIC_MISSING'
  | 'LOG_CHECKPOINT_LOST'
  | 'LOG_TRUNCATED'
  | 'LOG_SETTINGS'
  | 'LOG_RECORD_TOO_LARGE'
  | 'LOG_PARTITION_MISSING'
  | 'LOG_UNACKNOWLEDGED'
  | 'LOG_GROUP_IN_USE'
  | 'REGISTRY_UNREACHABLE'
  | 'REGISTRY_REJECTED'
  | 'REGISTRY_SCHEMA_UNKNOWN'
  | 'EVENT_INVALID'
  | 'EVENT_UNKNOWN'
  | 'LETTER_UNKNOWN'
  | 'REVISION_TAKEN'
  | 'POSITION_INVALID'
  | 'POSITION_UNKNOWN'
  | 'EXECUTION_INVALID'
  | 'EXECUTION_CONFLICT'
  | 'TRADE_INVALID'
  | 'TRADE_CONFLICT'
  | 'BARS_INVALID'
  | 'MODEL_INVALID'
  | 'STILL_WAITING'
  | 'MODEL_BEHIND'
  | 'MODEL_IN_USE'
  | 'NOTHING_LEARNED'
  | 'BOT_UNREACHABLE'
  | 'BOT_REFUSED'
  | 'READ_ONLY'

export class StrandlineError extends Error {
  readonly code: ErrorCode
  readonly todo: string | undefined

  constructor(code: ErrorCode, message: string, options: { todo?: string; cause?: unknown } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause })
    this.name = 'StrandlineError'
    this.code = code
    this.todo = options.todo
  }
}

/** The first StrandlineError in the chain of causes, or undefined. */
export function findStrandlineError(error: unknown): StrandlineError | undefined {
  for (let e: unknown = error; e instanceof Error; e = e.cause) if (e instanceof StrandlineError) return e
  return undefined
}

/** One clear sentence for a person: what happened, and what to do. */
export function explain(error: unknown): string {
  const known = findStrandlineError(error)
  if (known) return known.todo ? `${known.message} ${known.todo}` : known.message
  return error instanceof Error ? error.message : String(error)
}
