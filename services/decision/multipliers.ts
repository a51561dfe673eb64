/** Many multipliers at once: of now, as the database has it, and of moments that are past, as the log has them. */
import { StrandlineError } from '../../core/errors.ts'
import { isObject } from '../../domain/is-object.ts'
import { shown } from '../../domain/shown.ts'
import { parseTime } from '../../domain/time.ts'

/** One entry that may be made, or might have been. */
export interface Ask {
  /** Flat, as for an allocation. */
  entry_context: Record<string, unknown>
  timeframe?: string
  /** Of which moment, ms; without: of now. */
  as_of?: number
}

export interface Multiplier {
  multiplier: number
  /** One line for a log; of the past only the number is told. */
  why?: string
}

export interface Multipliers {
  /** Name of the model that was read; null while nothing is learned. */
  model: string | null
  active: boolean
  /** In the order of the asks. */
  multipliers: Multiplier[]
}

/** An ask of the past, whose context was checked. */
export interface PastAsk extends Ask {
  as_of: number
}

/** What was known then: folded from the log, which keeps everything. */
export interface PastSizing {
  /** @param model name; without: the active one. Errors: those of log, registry and database. */
  multipliers(asks: readonly PastAsk[], model?: string): Promise<number[]>
}

export const MOST_ASKS = 5_000

/** Errors: USAGE for whatever is no list of asks. */
export function readAsks(body: unknown): Ask[] {
  const asks = isObject(body) ? body.asks : undefined
  if (!Array.isArray(asks))
    throw new StrandlineError('USAGE', 'The request has no list "asks".', {
      todo: 'Send {"asks": [{"entry_context": {"pair": "ETH/USDT", "enter_tag": "dip"}}]}.',
    })
  if (asks.length > MOST_ASKS)
    throw new StrandlineError('USAGE', `The request has ${asks.length} asks, ${MOST_ASKS} are allowed.`, {
      todo: 'Send several requests.',
    })
  return asks.map((ask: unknown, i) => {
    if (!isObject(ask))
      throw new StrandlineError('USAGE', `Ask ${i + 1} is not an object.`, { todo: 'Give it an entry_context.' })
    return {
      entry_context: ask.entry_context as Record<string, unknown>,
      timeframe: (ask.timeframe as string | null | undefined) ?? undefined,
      as_of: momentOf(ask.as_of, i),
    }
  })
}

function momentOf(value: unknown, index: number): number | undefined {
  if (value === undefined || value === null) return undefined
  const ms = typeof value === 'string' ? parseTime(value) : value
  if (typeof ms === 'number' && Number.isFinite(ms)) return ms
  throw new StrandlineError('USAGE', `as_of of ask ${index + 1} is ${shown(value)}, which is no time.`, {
    todo: 'Write milliseconds since 1970, or ISO 8601 with a zone, e.g. 2026-05-01T00:00Z.',
  })
}
