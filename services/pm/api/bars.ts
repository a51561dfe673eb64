/** Bars of prices over HTTP. */
import type { Operation, Schema } from '../../../core/api/operation.ts'
import type { BarsBody } from '../../../domain/closing/given-bars.ts'
import type { Portfolio } from '../portfolio.ts'
import { putBars } from '../put-bars.ts'
import { TIMEFRAME } from './trades.ts'

/** Of one request: it is one transaction, and a hosted project ends a statement after 8 s. */
const MOST_BARS = 5_000

const PRICE: Schema = { type: 'number', exclusiveMinimum: 0 }
const OPTIONAL_PRICE: Schema = { type: ['number', 'null'], exclusiveMinimum: 0 }

const BARS: Schema = {
  title: 'Batch',
  type: 'object',
  additionalProperties: false,
  required: ['timeframe', 'bars'],
  anyOf: [{ required: ['symbol'] }, { required: ['token_contract'] }],
  properties: {
    symbol: { type: ['string', 'null'], description: 'the ticker or the pair, as the trades have it.' },
    token_contract: {
      type: ['string', 'null'],
      description: 'what the bars are kept under, as the trades have it; without it: the symbol.',
    },
    chain: { type: ['string', 'null'], description: 'likewise; without it: empty.' },
    timeframe: { ...TIMEFRAME, description: 'a number and s, m, h, d or w, e.g. 15m: the length of each bar.' },
    bars: {
      type: 'array',
      minItems: 1,
      maxItems: MOST_BARS,
      description: `1 to ${MOST_BARS} bars, each [start, open, high, low, close, volume], as exchanges give them.`,
      items: {
        type: 'array',
        minItems: 5,
        maxItems: 6,
        description: '[start, open, high, low, close, volume]; the volume may be left out.',
        prefixItems: [
          {
            type: ['integer', 'string'],
            description: 'the start: milliseconds since 1970-01-01 UTC, or ISO 8601 with a zone.',
          },
          { ...OPTIONAL_PRICE, description: 'the open, above 0; null: not known.' },
          { ...PRICE, description: 'the high, above 0.' },
          { ...PRICE, description: 'the low, above 0.' },
          { ...OPTIONAL_PRICE, description: 'the close, above 0; null: not known.' },
          { type: ['number', 'null'], minimum: 0, description: 'the volume, 0 or more; null: not known.' },
        ],
      },
    },
  },
}

const STORED: Schema = {
  type: 'object',
  required: ['status', 'added', 'changed'],
  additionalProperties: false,
  properties: {
    status: { enum: ['stored'] },
    added: { type: 'integer', description: 'New ones.' },
    changed: {
      type: 'integer',
      description: 'Those that were there and had other numbers. The rest was there as it is.',
    },
  },
}

export const barOperations = (pm: Portfolio): Operation[] => [
  {
    method: 'POST',
    path: '/v1/bars',
    operationId: 'putBars',
    summary: 'Send bars of prices',
    description:
      'By them trades are scored: one that closed before its bars came gets its R/R with the next tick. All of a request are stored, or none. A bar that is there and has other numbers is replaced; null says nothing of a number.',
    body: BARS,
    examples: {
      bars: {
        summary: 'Two hours of ETH/USDT',
        value: {
          symbol: 'ETH/USDT',
          timeframe: '1h',
          bars: [
            [1772445600000, 1995, 2010, 1990, 2005, 812.5],
            ['2026-03-02T11:00:00Z', 2005, 2040, 2001, 2032, 640.25],
          ],
        },
      },
    },
    answers: { 200: { description: 'They are stored.', schema: STORED } },
    refusals: [],
    invalid: 'BARS_INVALID',
    handle: async ({ body }) => [200, await putBars(pm, body as BarsBody)],
  },
]
