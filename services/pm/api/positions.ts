/** Positions over HTTP: opened, executed, closed. */
import { ENTRY_CONTEXT, REGIME_CONTEXT } from '../../../core/api/context-schema.ts'
import { EVENT } from '../../../core/api/event-schema.ts'
import type { Operation, Parameter, Schema } from '../../../core/api/operation.ts'
import { StrandlineError } from '../../../core/errors.ts'
import { checkPositionId } from '../../../domain/context.ts'
import { TIMEFRAMES } from '../../../domain/timeframe.ts'
import { openPosition } from '../open-position.ts'
import type { Portfolio } from '../portfolio.ts'
import { reportExecution } from '../report-execution.ts'

const POSITION_ID: Parameter = {
  description: 'the position’s id (lowcap_positions.id).',
  example: 'pepe-1',
}

const TEXT: Schema = { type: ['string', 'null'] }

const POSITION: Schema = {
  title: 'Position',
  type: 'object',
  additionalProperties: false,
  required: ['timeframe'],
  properties: {
    id: { ...TEXT, description: 'an id of its own, at most 512 bytes; without one the database makes it.' },
    token_chain: { ...TEXT, description: 'the token’s chain; for an exchange its name.' },
    token_contract: { ...TEXT, description: 'the token’s contract: by it and the chain its bars are found.' },
    token_ticker: { ...TEXT, description: 'the ticker, or the pair.' },
    timeframe: { enum: [...TIMEFRAMES], description: 'the timeframe on which the position runs.' },
    side: { enum: ['long', 'short'], description: 'long (without it) or short.' },
    entry_context: ENTRY_CONTEXT,
    regime_context: REGIME_CONTEXT,
  },
}

const ROW: Schema = {
  title: 'Position',
  description: 'The row of lowcap_positions, with every column that the table has.',
  type: 'object',
  required: ['id', 'timeframe', 'status', 'total_quantity', 'completed_trades'],
  properties: {
    id: { type: 'string' },
    timeframe: { type: ['string', 'null'] },
    status: { type: ['string', 'null'], description: 'watchlist, active, dormant, paused, archived.' },
    current_trade_id: { type: ['string', 'null'], description: 'The round trip that is running; null between two.' },
    total_quantity: { type: ['number', 'null'], description: 'Held now, in tokens.' },
    avg_entry_price: { type: ['number', 'null'] },
    avg_exit_price: { type: ['number', 'null'] },
    completed_trades: {
      type: ['array', 'null'],
      description: 'Every round trip so far, oldest first, each with its score.',
    },
  },
}

const OPENED: Schema = {
  type: 'object',
  required: ['status', 'position'],
  additionalProperties: false,
  properties: {
    status: { enum: ['opened', 'exists'], description: 'exists: it was there, and is as it was.' },
    position: ROW,
  },
}

const EXECUTION: Schema = {
  title: 'Execution',
  type: 'object',
  additionalProperties: false,
  required: ['id', 'kind', 'price'],
  properties: {
    id: { type: 'string', description: 'an id of its own, at most 512 bytes: the same report again changes nothing.' },
    kind: {
      enum: ['entry', 'buy', 'add', 'trim', 'emergency_exit'],
      description: 'entry, buy and add buy; trim and emergency_exit sell.',
    },
    quantity: {
      type: ['number', 'null'],
      exclusiveMinimum: 0,
      description:
        'the number of tokens that changed hands, above 0. An exit may give size_frac instead; an emergency exit without either sells everything.',
    },
    price: { type: 'number', exclusiveMinimum: 0, description: 'the average price that was paid, above 0.' },
    size_frac: {
      type: ['number', 'null'],
      exclusiveMinimum: 0,
      maximum: 1,
      description:
        'the share of the position that an exit sells, above 0 and at most 1. A trim of 0.999 or more, or an emergency exit, that leaves nothing closes the trade.',
    },
    executed_at: {
      type: ['string', 'null'],
      format: 'date-time',
      description: 'an ISO 8601 time with a zone, e.g. 2026-05-19T16:38:26Z; without it: now, by the database’s clock.',
    },
    entry_context: { ...ENTRY_CONTEXT, type: ['object', 'null'] },
    regime_context: { ...REGIME_CONTEXT, type: ['object', 'null'] },
  },
}

const EXECUTED: Schema = {
  type: 'object',
  required: ['status', 'execution_id', 'position_id', 'trade_id', 'left', 'closed'],
  additionalProperties: false,
  properties: {
    status: { enum: ['recorded', 'duplicate'], description: 'duplicate: it was reported before.' },
    execution_id: { type: 'string' },
    position_id: { type: 'string' },
    trade_id: { type: 'string' },
    left: { type: 'number', description: 'Held after it, in tokens.' },
    closed: {
      ...EVENT,
      type: ['object', 'null'],
      description: 'The closed trade with its outcome, where this execution closed it; else null.',
    },
    left_out: {
      type: 'array',
      items: { type: 'string' },
      description: 'What the closed trade does not carry, because it is too long.',
    },
  },
}

export const positionOperations = (pm: Portfolio): Operation[] => [
  {
    method: 'POST',
    path: '/v1/positions',
    operationId: 'openPosition',
    summary: 'Open a position',
    description: 'Before its first entry. An id that is there already stays as it is: sending it again is safe.',
    body: POSITION,
    examples: {
      position: {
        summary: 'A position of PEPE on Base',
        value: {
          id: 'pepe-1',
          token_chain: 'base',
          token_contract: '0x6982508145454ce325ddbe47a25d4ec3d2311933',
          token_ticker: 'PEPE',
          timeframe: '1h',
          entry_context: { curator: '0xdetweiler', chain: 'base', mcap_at_entry: 1_500_000 },
        },
      },
    },
    answers: {
      200: { description: 'It was there; it is as it was.', schema: OPENED },
      201: { description: 'It is open.', schema: OPENED },
    },
    refusals: [422],
    invalid: 'POSITION_INVALID',
    async handle({ body }) {
      const opened = await openPosition(pm, body)
      return [opened.status === 'opened' ? 201 : 200, opened]
    },
  },
  {
    method: 'GET',
    path: '/v1/positions/{id}',
    operationId: 'readPosition',
    summary: 'Read a position, with the trades that it closed',
    params: { id: POSITION_ID },
    answers: { 200: { description: 'Its row.', schema: ROW } },
    refusals: [404],
    invalid: 'USAGE',
    async handle({ params: { id = '' } }) {
      const wrong = checkPositionId(id)
      if (wrong)
        throw new StrandlineError('USAGE', `The position's id ${wrong}.`, {
          todo: 'Name a position as lowcap_positions.id has it.',
        })
      const row = await pm.positions.read(id)
      if (row) return [200, row]
      throw new StrandlineError('POSITION_UNKNOWN', `There is no position ${id}.`, {
        todo: 'Open it first: POST /v1/positions.',
      })
    },
  },
  {
    method: 'POST',
    path: '/v1/positions/{id}/executions',
    operationId: 'reportExecution',
    summary: 'Report an entry, an addition or an exit',
    description:
      'An exit that leaves nothing closes the trade: it is scored on its bars and goes into the log, and the answer has it as `closed`, with its outcome. A report whose answer was lost is sent again as it was.',
    params: { id: POSITION_ID },
    body: EXECUTION,
    examples: {
      entry: {
        summary: 'The entry',
        value: { id: 'pepe-1-in', kind: 'entry', quantity: 1000, price: 1, executed_at: '2026-03-02T10:10:00Z' },
      },
      exit: {
        summary: 'The exit of everything',
        value: { id: 'pepe-1-out', kind: 'trim', size_frac: 1, price: 1.2, executed_at: '2026-03-02T12:30:00Z' },
      },
    },
    answers: {
      200: { description: 'It was reported before; nothing was recorded again.', schema: EXECUTED },
      201: { description: 'It is recorded.', schema: EXECUTED },
    },
    refusals: [404, 409, 422],
    invalid: 'EXECUTION_INVALID',
    onInvalid: () => pm.metrics?.executions.inc({ outcome: 'refused' }),
    async handle({ params: { id = '' }, body }) {
      const result = await reportExecution(pm, id, body)
      return [result.status === 'recorded' ? 201 : 200, result]
    },
  },
]
