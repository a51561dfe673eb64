/** Closed trades over HTTP: posted by who keeps its own positions, and read. */
import { ENTRY_CONTEXT, REGIME_CONTEXT } from '../../../core/api/context-schema.ts'
import { EVENT } from '../../../core/api/event-schema.ts'
import type { Operation, Schema } from '../../../core/api/operation.ts'
import type { TradeBody } from '../../../domain/foreign/posted-trade.ts'
import { MAX_REVISION, MAX_RR } from '../../../domain/validation.ts'
import type { Portfolio } from '../portfolio.ts'
import { postTrade, readTrade } from '../post-trade.ts'

export const TIMEFRAME: Schema = {
  type: 'string',
  pattern: '^[1-9][0-9]{0,4}[smhdw]$',
  description: 'a number and s, m, h, d or w, e.g. 15m: the length of the bars by which the trade is scored.',
}
const text = (description: string): Schema => ({ type: ['string', 'null'], description })
const number = (description: string, range: Schema = {}): Schema => ({
  type: ['number', 'null'],
  ...range,
  description,
})
const time = (description: string): Schema => ({ type: 'string', format: 'date-time', description })
const price = (description: string): Schema => ({ type: 'number', exclusiveMinimum: 0, description })

const TRADE: Schema = {
  title: 'Trade',
  type: 'object',
  additionalProperties: false,
  required: ['symbol', 'timeframe', 'opened_at', 'closed_at', 'entry_price', 'exit_price'],
  anyOf: [{ required: ['id'] }, { required: ['position_id', 'trade_id'] }],
  properties: {
    id: text(
      'the bot’s own id of the trade, at most 512 bytes, the same for good and no other trade’s, e.g. mybot-42.',
    ),
    position_id: text('instead of id: the position, which may have many trades …'),
    trade_id: text('… and the trade of it.'),
    symbol: { type: 'string', minLength: 1, description: 'the ticker, or the pair, e.g. ETH/USDT.' },
    timeframe: TIMEFRAME,
    opened_at: time('when it was entered, ISO 8601 with a zone, e.g. 2026-05-19T16:38:26Z.'),
    closed_at: time('when it was left, likewise; not before it was entered.'),
    entry_price: price('the average entry price, above 0.'),
    exit_price: price('the average exit price, above 0, in the same currency.'),
    side: { enum: ['long', 'short', null], description: 'long (without it) or short.' },
    token_contract: text('what its bars are kept under; without it: the symbol.'),
    chain: text('likewise; without it: empty.'),
    decision_type: text('what closed it, e.g. take_profit.'),
    rr: number('return / max_drawdown, where the bot knows it: from -10 to 10.', { minimum: -MAX_RR, maximum: MAX_RR }),
    return: number('what it came to before fees and leverage, a ratio; without it: by the two prices.'),
    max_drawdown: number('the largest move against it, a ratio of the entry price, 0 or more.', { minimum: 0 }),
    max_gain: number('the largest move in its favour, likewise.', { minimum: 0 }),
    net_return: number('profit after all fees / stake, a ratio, with leverage in it.'),
    fees: number('all fees, in the quote currency; below 0 where they were a rebate.'),
    stake: number('one’s own money at entry, in the quote currency, above 0.', { exclusiveMinimum: 0 }),
    risk_at_entry: number(
      'distance of the stop from the entry price, a fraction of it: above 0, up to 1 (0.05 is 5 %).',
      {
        exclusiveMinimum: 0,
        maximum: 1,
      },
    ),
    entry_context: { ...ENTRY_CONTEXT, type: ['object', 'null'] },
    regime_context: { ...REGIME_CONTEXT, type: ['object', 'null'] },
    revision: {
      type: ['integer', 'null'],
      minimum: 0,
      maximum: MAX_REVISION,
      description: 'the bot’s own count of corrections, a whole number: 0 (without it), and a higher one for each.',
    },
    voided: {
      type: ['boolean', 'null'],
      description: 'true, with a revision: the trade never was; it counts no more.',
    },
  },
}

const POSTED: Schema = {
  type: 'object',
  required: ['status', 'event_id', 'event'],
  additionalProperties: false,
  properties: {
    status: { enum: ['posted', 'known'], description: 'known: it was posted before; nothing was counted again.' },
    event_id: { type: 'string', description: 'By which it can be read, corrected and explained.' },
    event: { ...EVENT, description: 'The trade as the log has it, with its outcome: its newest revision.' },
  },
}

export const tradeOperations = (pm: Portfolio): Operation[] => [
  {
    method: 'POST',
    path: '/v1/trades',
    operationId: 'postTrade',
    summary: 'Post one closed trade',
    description:
      'For a bot that keeps its own positions: entry, exit, outcome, and it is done. Where the database has bars of the trade, it is scored on them; else by what the bot says (rr, or max_drawdown); else it has no R/R, which unscored_reason says, until bars come. What models learn from is theirs: R/R, return or net_return.\n\nThe same trade again is the same trade. Another content under the same id is refused, unless it has a higher revision: then it replaces what was posted.',
    body: TRADE,
    examples: {
      least: {
        summary: 'Entry, exit, and what it came to',
        value: {
          id: 'mybot-41',
          symbol: 'ETH/USDT',
          timeframe: '1h',
          opened_at: '2026-03-02T10:10:00Z',
          closed_at: '2026-03-02T14:30:00Z',
          entry_price: 2000,
          exit_price: 2100,
          net_return: 0.048,
        },
      },
      full: {
        summary: 'All that may be said',
        value: {
          id: 'mybot-42',
          symbol: 'ETH/USDT',
          timeframe: '1h',
          opened_at: '2026-03-03T10:10:00Z',
          closed_at: '2026-03-03T14:30:00Z',
          entry_price: 2100,
          exit_price: 2058,
          side: 'short',
          decision_type: 'take_profit',
          max_drawdown: 0.01,
          net_return: 0.018,
          fees: 2.1,
          stake: 1000,
          risk_at_entry: 0.05,
          entry_context: { strategy: 'breakout', pair: 'ETH/USDT', enter_tag: 'dip' },
          regime_context: { macro: 'risk-on' },
        },
      },
    },
    answers: {
      200: {
        description: 'It was posted before, or the log has it from elsewhere; nothing was counted again.',
        schema: POSTED,
      },
      201: { description: 'It is on its way into the log.', schema: POSTED },
    },
    refusals: [409],
    invalid: 'TRADE_INVALID',
    async handle({ body }) {
      const posted = await postTrade(pm, body as TradeBody)
      return [posted.status === 'posted' ? 201 : 200, posted]
    },
  },
  {
    method: 'GET',
    path: '/v1/trades/{id}',
    operationId: 'readTrade',
    summary: 'Read a closed trade: its outcome',
    description: 'Its newest revision, whoever closed it. Of one whose content is past its retention: id and revision.',
    params: {
      id: { description: 'the event_id of an answer, or the id that it was posted under.', example: 'mybot-42' },
    },
    answers: { 200: { description: 'The trade.', schema: EVENT } },
    refusals: [404],
    invalid: 'USAGE',
    handle: async ({ params: { id = '' } }) => [200, await readTrade(pm, id)],
  },
]
