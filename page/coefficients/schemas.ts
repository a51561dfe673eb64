/** What the answers about coefficients and trades hold, for the OpenAPI document. */
import type { Schema } from '../../core/api/operation.ts'
import { list, record } from '../schema-parts.ts'

const NUMBER_OR_NULL: Schema = { type: ['number', 'null'] }
const TEXT_OR_NULL: Schema = { type: ['string', 'null'] }

const OUTCOME: Schema = {
  description:
    'What the model learns of a trade: "rr", "return", "net_return", or {of, per}: one of them for each unit of a measure. Means, edges and errors are in its unit: returns are ratios, 0.02 is 2 %.',
  anyOf: [
    { enum: ['rr', 'return', 'net_return'] },
    record({ of: { enum: ['rr', 'return', 'net_return'] }, per: { type: 'string' } }),
  ],
}

export const VERSION = record({
  name: { type: 'string', description: 'Of the model.' },
  hash: { type: 'string', description: 'Of its definition.' },
  build: { type: 'integer', description: '1: the first over its log.' },
  active: { type: 'boolean', description: 'Readers see this version.' },
  outcome: OUTCOME,
})

export const MOMENT = {
  as_of: { ...TEXT_OR_NULL, description: 'Trades that were closed by then; null: not asked for.' },
  at_time: { ...TEXT_OR_NULL, description: 'What the log had taken in by then; null: not asked for.' },
  at_offset: {
    anyOf: [{ type: 'object', additionalProperties: { type: 'integer' } }, { type: 'null' }],
    description: 'Records below these offsets, by partition; null: not asked for.',
  },
} satisfies Record<string, Schema>

export const BASELINE: Schema = {
  ...record({ rr_short: NUMBER_OR_NULL, rr_long: NUMBER_OR_NULL, n: { type: 'integer' } }),
  description: 'The mean outcome of all trades, of late (14 days) and over months (90 days), and their number.',
}

const WEIGHED = {
  weight: { type: 'number', description: 'Factor of a size; 1: as everything else.' },
  rr_short: { type: 'number', description: 'Mean outcome of its trades, of late (14 days).' },
  rr_long: { type: 'number', description: 'The same over 90 days.' },
  n: { type: 'integer', description: 'Trades behind it.' },
  edge: { type: 'number', description: 'What its trades say beyond the baseline, as far as they are believed.' },
  trust: { type: 'number', description: 'How far they are believed, 0 to 1.' },
  error: { ...NUMBER_OR_NULL, description: 'Standard deviation of the edge; null: not known.' },
} satisfies Record<string, Schema>

export const GROUP = {
  scope: { enum: ['global', 'lever', 'interaction'] },
  name: { type: 'string', description: 'The lever, or the interaction.' },
  key: { type: 'string', description: 'Its value, e.g. 0xdetweiler.' },
} satisfies Record<string, Schema>

export const HEAD = {
  model: { anyOf: [VERSION, { type: 'null' }], description: 'null: no learner ever ran.' },
  active: { type: 'boolean' },
  ...MOMENT,
  global_rr: BASELINE,
  spread: { ...NUMBER_OR_NULL, description: 'Standard deviation of one outcome; null: not known.' },
  least_difference: {
    ...NUMBER_OR_NULL,
    description:
      'A coefficient is hot or cold when its short mean leaves the long one by a quarter of it, and by so much at least.',
  },
} satisfies Record<string, Schema>

export const COEFFICIENT = record({ module: { type: 'string' }, ...GROUP, ...WEIGHED }, undefined, {
  against: {
    anyOf: [record(WEIGHED), { type: 'null' }],
    description: 'The same at the other moment or by the other model; null: nothing was learned of it there.',
  },
})

const REVISION = {
  revision: { type: 'integer' },
  outcome: { ...NUMBER_OR_NULL, description: 'What the model learns of it, clamped; null: it has none.' },
  voided: { type: 'boolean' },
  closed_at: { type: 'string' },
  source: { type: 'string' },
  partition: { type: 'integer' },
  offset: { type: 'integer' },
  taken_at: { type: 'string', description: 'When the log took this revision in.' },
  revised_by: { ...TEXT_OR_NULL, description: 'Who made this revision and why; null of the first one.' },
} satisfies Record<string, Schema>

const TRADE_FIELDS = {
  event_id: { type: 'string' },
  position_id: { type: 'string' },
  symbol: { type: 'string' },
  ...REVISION,
} satisfies Record<string, Schema>

export const TRADE = record(TRADE_FIELDS)

export const EXPLAINED_TRADE = record(
  {
    ...TRADE_FIELDS,
    weight_short: { type: 'number', description: 'Its part of all weights, 0 to 1.' },
    share_short: { type: 'number', description: 'What it gives to the mean: all shares together are rr_short.' },
    weight_long: { type: 'number' },
    share_long: { type: 'number' },
  },
  undefined,
  { revisions: list(record(REVISION), 'All that the log has of it, where that is more than one record.') },
)

export const EXPLAINED = record(WEIGHED)

export const POINT = record({
  at: { type: 'string', description: 'Exit of the trade after which it was so.' },
  weight: { type: 'number' },
  rr_short: { type: 'number' },
  rr_long: { type: 'number' },
  n: { type: 'integer' },
})

const NUMBERS_THEN: Schema = {
  anyOf: [
    record({
      weight: { type: 'number' },
      rr_short: { type: 'number' },
      rr_long: { type: 'number' },
      n: { type: 'integer' },
    }),
    { type: 'null' },
  ],
}

export const CHANGE = record({
  ...GROUP,
  before: NUMBERS_THEN,
  after: NUMBERS_THEN,
  trades: list(TRADE, 'Those that count at one of the two moments alone; none: it moved with the baseline.'),
})
