/** What a trader may report about a position: checked here, before the database sees it. Pure. */
import { type ErrorCode, StrandlineError } from '../../core/errors.ts'
import { checkContext, checkEntryContext, checkPositionId } from '../context.ts'
import { isObject } from '../is-object.ts'
import type { Model } from '../learning/model.ts'
import { byteLength, MAX_ID_BYTES, wellFormed } from '../limits.ts'
import { shown } from '../shown.ts'
import { parseTime } from '../time.ts'
import { MAX_EXIT_MS } from '../validation.ts'

const ENTRY_KINDS = ['entry', 'buy', 'add']
const EXIT_KINDS = ['trim', 'emergency_exit']
/** A trim of at least this share means: everything. */
export const FULL_EXIT = 0.999
/** Beyond these a double loses the value in the sums; no market has such numbers. */
const SMALLEST = 1e-100
const LARGEST = 1e100

export interface Execution {
  id: string
  position_id: string
  side: 'entry' | 'exit'
  kind: string
  /** Tokens; null: the share `size_frac` of what is held, or all of it. */
  quantity: number | null
  /** In the quote currency. */
  price: number
  /** Share of what is held that an exit sells, 0 to 1. */
  size_frac: number | null
  /** ISO 8601; null: when the database records it. */
  executed_at: string | null
  /** Of a first entry: replaces the position's. */
  entry_context: Record<string, unknown> | null
  regime_context: Record<string, unknown> | null
  /** What was sent, to tell a repeated report from another one with the same id. */
  request: Record<string, unknown>
}

/** Does an exit of this kind and share confirm that the whole position was to be sold? */
export function isFullExit(kind: string, sizeFrac: number | null): boolean {
  return kind === 'emergency_exit' || (kind === 'trim' && sizeFrac !== null && sizeFrac >= FULL_EXIT)
}

/**
 * Reads an execution report `{id, kind, quantity, price, size_frac, executed_at, entry_context, regime_context}`.
 * Whether `executed_at` lies in the future is the database's decision, by its own clock.
 * @param models that must be able to take its contexts
 * Errors: EXECUTION_INVALID with the field that is wrong.
 */
export function parseExecution(positionId: string, body: unknown, models: readonly Model[]): Execution {
  const wrong = checkPositionId(positionId)
  if (wrong) throw invalid(`The position's id ${wrong}.`, 'Name a position as lowcap_positions.id has it.')
  if (!isObject(body))
    throw invalid('The report is not a JSON object.', 'Send {"id", "kind", "quantity", "price", "executed_at"}.')
  const { id, kind } = body
  if (typeof id !== 'string' || id === '' || byteLength(id) > MAX_ID_BYTES || !wellFormed(id))
    throw invalid(
      typeof id === 'string' && id !== '' && wellFormed(id)
        ? `The execution's id has ${byteLength(id)} bytes.`
        : 'The execution has no id.',
      `Give it an id of its own, a text of at most ${MAX_ID_BYTES} bytes.`,
    )
  if (typeof kind !== 'string' || ![...ENTRY_KINDS, ...EXIT_KINDS].includes(kind))
    throw invalid(
      `Execution ${id}: kind is ${shown(kind)}.`,
      `Use one of: ${[...ENTRY_KINDS, ...EXIT_KINDS].join(', ')}.`,
    )
  const side = ENTRY_KINDS.includes(kind) ? 'entry' : 'exit'
  const price = amount(id, 'price', body.price)
  if (price === null) throw invalid(`Execution ${id} has no price.`, 'Report the average price that was paid.')
  const quantity = amount(id, 'quantity', body.quantity)
  const size_frac = share(id, body.size_frac)
  if (quantity === null && (side === 'entry' || (kind === 'trim' && size_frac === null)))
    throw invalid(`Execution ${id} has no quantity.`, 'Report the number of tokens that changed hands.')
  return {
    id,
    position_id: positionId,
    side,
    kind,
    quantity,
    price,
    size_frac: side === 'exit' ? size_frac : null,
    executed_at: time(id, body.executed_at),
    entry_context: context(id, 'entry_context', body.entry_context, models),
    regime_context: context(id, 'regime_context', body.regime_context, models),
    request: Object.fromEntries(
      REQUEST_FIELDS.filter((f) => body[f] !== undefined && body[f] !== null).map((f) => [f, body[f]]),
    ),
  }
}

const REQUEST_FIELDS = ['kind', 'quantity', 'price', 'size_frac', 'executed_at', 'entry_context', 'regime_context']

function amount(id: string, name: string, value: unknown): number | null {
  if (value === undefined || value === null) return null
  if (typeof value !== 'number' || !Number.isFinite(value) || value <= 0)
    throw invalid(
      `Execution ${id}: ${name} is ${shown(value)}.`,
      `A ${name} is a finite number above 0; nothing was recorded.`,
    )
  if (value < SMALLEST || value > LARGEST)
    throw invalid(
      `Execution ${id}: ${name} ${value} is out of range.`,
      `Use ${SMALLEST} to ${LARGEST}; nothing was recorded.`,
    )
  return value
}

function share(id: string, value: unknown): number | null {
  if (value === undefined || value === null) return null
  if (typeof value !== 'number' || !(value > 0 && value <= 1))
    throw invalid(
      `Execution ${id}: size_frac is ${shown(value)}.`,
      'It is the share of the position that was sold, above 0 and at most 1.',
    )
  return value
}

function time(id: string, value: unknown): string | null {
  if (value === undefined || value === null) return null
  const ms = typeof value === 'string' ? parseTime(value) : null
  if (ms === null || ms <= 0)
    throw invalid(
      `Execution ${id}: executed_at is ${shown(value)}.`,
      'Write an ISO 8601 time with a zone, e.g. 2026-05-19T16:38:26Z.',
    )
  if (ms > MAX_EXIT_MS) throw invalid(`Execution ${id}: executed_at ${value} lies beyond the year 2100.`, 'Correct it.')
  return new Date(ms).toISOString()
}

function context(id: string, name: string, value: unknown, models: readonly Model[]): Record<string, unknown> | null {
  if (value === undefined || value === null) return null
  const wrong = (name === 'entry_context' ? checkEntryContext : checkContext)(value, models)
  if (wrong) throw invalid(`Execution ${id}: ${name} ${wrong}.`, 'Send one flat object of texts and numbers.')
  return value as Record<string, unknown>
}

const invalid = (message: string, todo: string, code: ErrorCode = 'EXECUTION_INVALID') =>
  new StrandlineError(code, message, { todo })
