/**
 * The offline log: one event a line, as JSON. `fold` reads it, `import jsonl` sends it through the log.
 * Required: `event_id`, `exit_ts` (ISO 8601), `timeframe`, `rr` (number or null; a voided event needs none). `entry_context` is flat: strings are
 * levers, numbers are measures. `revision` (0), `voided` (false) and the other fields of PositionClosed, by their names, are optional.
 */
import { StrandlineError } from '../core/errors.ts'
import { type PositionClosed, splitEntryContext } from './event.ts'
import { isObject } from './is-object.ts'
import { shortName } from './limits.ts'
import { shown } from './shown.ts'
import { parseTime } from './time.ts'

const MAX_INT = 2 ** 31 - 1

/**
 * Reads one line. Missing optional fields get neutral values: position_id = event_id, empty texts, prices 0, opened_at = closed_at.
 * Errors: FILE_INVALID, naming the line by its number (1 = first).
 */
export function parseOfflineLine(line: string, lineNumber: number): PositionClosed {
  const bad = (what: string, cause?: unknown) =>
    new StrandlineError('FILE_INVALID', `Line ${lineNumber}: ${what}.`, {
      todo: 'Correct it; nothing of the file was taken.',
      cause,
    })
  let raw: unknown
  try {
    raw = JSON.parse(line)
  } catch (cause) {
    throw bad('not JSON', cause)
  }
  if (!isObject(raw)) throw bad('not a JSON object')
  return new Reader(raw, bad).event()
}

/** Every event of a text, empty lines left out. Errors: FILE_INVALID for the first bad line. */
export function parseOfflineLog(text: string): PositionClosed[] {
  const events: PositionClosed[] = []
  for (const [index, line] of text.split(/\r?\n/).entries()) {
    if (line.trim() !== '') events.push(parseOfflineLine(index === 0 ? line.replace(/^\uFEFF/, '') : line, index + 1))
  }
  return events
}

/** Takes fields out of one line and names the first that is wrong. */
class Reader {
  private readonly raw: Record<string, unknown>
  private readonly bad: (what: string) => StrandlineError

  constructor(raw: Record<string, unknown>, bad: (what: string) => StrandlineError) {
    this.raw = raw
    this.bad = bad
  }

  event(): PositionClosed {
    const event_id = this.text('event_id')
    if (!event_id) throw this.bad('event_id is missing')
    const voided = this.flag('voided')
    const closed_at = this.time('exit_ts') ?? this.time('closed_at')
    if (closed_at === undefined) throw this.bad('exit_ts is missing')
    const timeframe = this.text('timeframe')
    if (!timeframe) throw this.bad('timeframe is missing')
    if (this.raw.rr === undefined && !voided) throw this.bad('rr is missing (write null where the trade has none)')
    const rr = this.number('rr')
    return {
      event_id,
      revision: this.revision(),
      voided,
      position_id: this.text('position_id') ?? event_id,
      trade_id: this.text('trade_id') ?? '',
      symbol: this.text('symbol') ?? '',
      token_contract: this.text('token_contract') ?? '',
      chain: this.text('chain') ?? '',
      timeframe,
      decision_type: this.text('decision_type') ?? '',
      opened_at: this.time('opened_at') ?? closed_at,
      closed_at,
      entry_price: this.number('entry_price') ?? 0,
      exit_price: this.number('exit_price') ?? 0,
      rr,
      return: this.number('return'),
      max_drawdown: this.number('max_drawdown'),
      max_gain: this.number('max_gain'),
      unscored_reason: this.text('unscored_reason') ?? (rr === null && !voided ? 'unscored' : null),
      provisional: (this.raw.provisional ?? null) === null ? null : this.flag('provisional'),
      net_return: this.number('net_return'),
      fees: this.number('fees'),
      stake: this.number('stake'),
      risk_at_entry: this.number('risk_at_entry'),
      ...this.context(),
      regime_context: this.map('regime_context', 'string'),
      source: this.text('source') ?? 'import:jsonl',
    }
  }

  private text(name: string): string | undefined {
    const value = this.raw[name]
    if (value === undefined || value === null) return undefined
    if (typeof value !== 'string') throw this.bad(`${name} is ${shown(value)}, not a text`)
    return value
  }

  private number(name: string): number | null {
    const value = this.raw[name]
    if (value === undefined || value === null) return null
    if (typeof value !== 'number') throw this.bad(`${name} is ${shown(value)}, not a number`)
    if (!Number.isFinite(value)) throw this.bad(`${name} is not a finite number`)
    return value
  }

  private flag(name: string): boolean {
    const value = this.raw[name] ?? false
    if (typeof value !== 'boolean') throw this.bad(`${name} is ${shown(value)}, not true or false`)
    return value
  }

  private revision(): number {
    const value = this.number('revision') ?? 0
    if (!Number.isInteger(value) || value < 0 || value > MAX_INT)
      throw this.bad(`revision is ${value}, not a whole number from 0 up`)
    return value
  }

  private time(name: string): number | undefined {
    const value = this.raw[name]
    if (value === undefined || value === null) return undefined
    const ms = typeof value === 'string' ? parseTime(value) : null
    if (ms === null)
      throw this.bad(`${name} is ${shown(value)}, not an ISO 8601 time with a zone, e.g. 2026-05-19T16:38:26Z`)
    return ms
  }

  /** `entry_context`, or the event's own `levers` and `measures` where a line carries those instead. */
  private context(): Pick<PositionClosed, 'levers' | 'measures'> {
    const context = this.raw.entry_context
    if (context === undefined || context === null)
      return { levers: this.map('levers', 'string'), measures: this.map('measures', 'number') }
    if (!isObject(context)) throw this.bad('entry_context is not an object')
    return splitEntryContext(context)
  }

  private map<T extends 'string' | 'number'>(
    name: string,
    type: T,
  ): Record<string, T extends 'string' ? string : number> {
    const value = this.raw[name] ?? {}
    if (!isObject(value)) throw this.bad(`${name} is not an object`)
    for (const [key, item] of Object.entries(value))
      if (typeof item !== type || (typeof item === 'number' && !Number.isFinite(item)))
        throw this.bad(`${name}.${shortName(key)} is ${shown(item)}, not a ${type}`)
    return value as Record<string, T extends 'string' ? string : number>
  }
}
