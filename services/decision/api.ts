/** What the decision service can be asked over HTTP. */
import { ENTRY_CONTEXT } from '../../core/api/context-schema.ts'
import type { Api, Operation, Parameter, Schema } from '../../core/api/operation.ts'
import { TIMEFRAMES } from '../../domain/timeframe.ts'
import type { AllocationRequest, DecisionMaker } from './decide.ts'
import { MOST_ASKS, readAsks } from './multipliers.ts'

const MODEL: Parameter = {
  description: 'the name of one model to size by, also where readers see another one; without it: the active model.',
  schema: { minLength: 1 },
  example: 'lowcap-v4',
}

const size = (what: string): Schema => ({ type: 'number', minimum: 0, description: what })

const REQUEST: Schema = {
  title: 'Allocation',
  type: 'object',
  additionalProperties: false,
  required: ['entry_context', 'base', 'min', 'max'],
  properties: {
    entry_context: ENTRY_CONTEXT,
    timeframe: {
      type: 'string',
      description: 'the timeframe on which the position would run; without it the answer splits the allocation.',
    },
    base: size('the size before anything is learned, a number, 0 or more, in whatever unit (percent, USD).'),
    min: size('the least that may come out, a number, 0 or more, in the same unit.'),
    max: size('the most that may come out, a number, 0 or more, in the same unit.'),
    model: { type: 'string', description: 'as the parameter model.' },
  },
}

const NUMBER_OR_NULL: Schema = { type: ['number', 'null'] }

const FACTOR: Schema = {
  title: 'Factor',
  type: 'object',
  additionalProperties: false,
  required: [
    'scope',
    'name',
    'key',
    'known',
    'edge',
    'weight',
    'adjusted_weight',
    'n',
    'trust',
    'error',
    'rr_short',
    'rr_long',
    'temperature',
  ],
  properties: {
    scope: {
      enum: ['market', 'lever', 'interaction'],
      description:
        'market: how all trades go lately, first, of models with the rule shrunk; then the levers in the model’s order, then interactions.',
    },
    name: { type: 'string', description: 'The lever, e.g. curator.' },
    key: { type: 'string', description: 'Its value, e.g. 0xdetweiler.' },
    known: { type: 'boolean', description: 'Whether anything is learned of it; if not, it weighs 1.' },
    edge: {
      type: 'number',
      description:
        'What its trades say beyond the baseline, in the unit of the model’s outcome: as far as they are trusted (shrunk), or at their word (v4).',
    },
    weight: { type: 'number', description: 'As learned.' },
    adjusted_weight: {
      type: 'number',
      description: 'What enters the product: the weight, moved toward 1 where an interaction speaks for itself (v4).',
    },
    n: { type: 'integer', description: 'Trades behind it.' },
    trust: { type: 'number', description: 'How far these are believed, 0 to 1.' },
    error: { ...NUMBER_OR_NULL, description: 'Standard deviation of the edge; null: not known.' },
    rr_short: { ...NUMBER_OR_NULL, description: 'Mean outcome of its trades, of late (14 days).' },
    rr_long: { ...NUMBER_OR_NULL, description: 'The same over 90 days.' },
    temperature: {
      enum: ['hot', 'cold', 'steady', 'unknown'],
      description: 'How its trades went of late against before; unknown: nothing is learned of it.',
    },
  },
}

const BASELINE: Schema = {
  type: 'object',
  description: 'The mean outcome of all trades.',
  required: ['rr_short', 'rr_long', 'n'],
  properties: { rr_short: NUMBER_OR_NULL, rr_long: NUMBER_OR_NULL, n: { type: 'integer' } },
}

const share = (more: Record<string, Schema>): Schema => ({
  type: 'array',
  items: {
    type: 'object',
    additionalProperties: false,
    required: ['timeframe', 'share', 'weight', 'n', 'rr_short', 'rr_long', ...Object.keys(more)],
    properties: {
      timeframe: { type: 'string' },
      share: { type: 'number', description: 'Of the allocation; all together 1.' },
      weight: { type: 'number' },
      n: { type: 'integer' },
      rr_short: NUMBER_OR_NULL,
      rr_long: NUMBER_OR_NULL,
      ...more,
    },
  },
})

const MODEL_NAME: Schema = {
  type: ['string', 'null'],
  description: 'The model that was read; null while nothing is learned.',
}
const OUTCOME: Schema = {
  description:
    'What that model learns of a trade: "rr", "return", "net_return", or {of, per}: one of them for each unit of a measure; null while nothing is learned. rr_short, rr_long, edge and error are in its unit: returns are ratios, 0.02 is 2 %.',
  anyOf: [
    { enum: ['rr', 'return', 'net_return', null] },
    {
      type: 'object',
      required: ['of', 'per'],
      properties: { of: { enum: ['rr', 'return', 'net_return'] }, per: { type: 'string' } },
    },
  ],
}
const ACTIVE: Schema = { type: 'boolean', description: 'Whether it is the active one.' }

const DECISION: Schema = {
  title: 'Decision',
  type: 'object',
  additionalProperties: false,
  required: ['allocation', 'multiplier', 'multiplier_unclamped', 'factors', 'model', 'active', 'outcome', 'timeframes'],
  properties: {
    allocation: { type: 'number', description: 'base × multiplier, between min and max.' },
    base: { type: 'number' },
    min: { type: 'number' },
    max: { type: 'number' },
    bounded_by: { enum: ['min', 'max', null], description: 'Which of the two cut it, if one did.' },
    multiplier_unclamped: { type: 'number', description: 'The product of all factors.' },
    multiplier: { type: 'number', description: 'The same within the bounds of the model.' },
    levers_damped: { type: 'boolean' },
    factors: { type: 'array', items: FACTOR, description: 'Why: what each part of the context says.' },
    ignored: { type: 'array', items: { type: 'string' }, description: 'Fields of the context that change nothing.' },
    warnings: { type: 'array', items: { type: 'string' }, description: 'Why, a sentence for each.' },
    unset_levers: {
      type: 'array',
      items: { type: 'string' },
      description: 'Levers of which the context says nothing.',
    },
    global_rr: BASELINE,
    model: MODEL_NAME,
    active: ACTIVE,
    outcome: OUTCOME,
    timeframes: share({ allocation: NUMBER_OR_NULL }),
  },
}

const TIMEFRAME_SPLIT: Schema = {
  title: 'Timeframes',
  type: 'object',
  additionalProperties: false,
  required: ['timeframes', 'global_rr', 'model', 'active', 'outcome'],
  properties: { timeframes: share({}), global_rr: BASELINE, model: MODEL_NAME, active: ACTIVE, outcome: OUTCOME },
}

export const decisionApi = (maker: DecisionMaker): Api => ({
  title: 'Strandline: decision service',
  description:
    'Sizes the next position with what is learned from those that closed, and says why. It only reads.\n\nBodies and answers are JSON. 503 means: ask again.',
  operations: [allocations(maker), multipliers(maker), timeframes(maker)],
})

export const allocations = (maker: DecisionMaker): Operation => ({
  method: 'POST',
  path: '/v1/allocations',
  operationId: 'allocate',
  summary: 'Size a position',
  description:
    'allocation = base × multiplier, between min and max. What nothing is known of weighs 1, so that the answer before any trade is the base.',
  query: { model: MODEL },
  body: REQUEST,
  examples: {
    allocation: {
      summary: 'Of a base of 4 %, at least 1 and at most 10',
      value: {
        entry_context: { curator: '0xdetweiler', chain: 'base', mcap_at_entry: 1_500_000 },
        timeframe: '1h',
        base: 4,
        min: 1,
        max: 10,
      },
    },
    split: {
      summary: 'The same, split over timeframes',
      value: { entry_context: { curator: '0xdetweiler' }, base: 4, min: 1, max: 10 },
    },
  },
  answers: { 200: { description: 'The size, and why.', schema: DECISION } },
  refusals: [],
  invalid: 'USAGE',
  async handle({ query: { model }, body }) {
    const request = body as AllocationRequest
    return [200, await maker.allocate(model === undefined ? request : { ...request, model })]
  },
})

const ASKS: Schema = {
  title: 'Multipliers',
  type: 'object',
  additionalProperties: false,
  required: ['asks'],
  properties: {
    asks: {
      type: 'array',
      maxItems: MOST_ASKS,
      description: 'Entries that may be made, or might have been.',
      items: {
        type: 'object',
        additionalProperties: false,
        required: ['entry_context'],
        properties: {
          entry_context: ENTRY_CONTEXT,
          timeframe: { type: ['string', 'null'], description: 'the timeframe on which the position would run.' },
          as_of: {
            type: ['number', 'string', 'null'],
            description:
              'what was known at this moment: milliseconds since 1970, or ISO 8601 with a zone. Without it: what is learned now.',
          },
        },
      },
    },
  },
}

const MULTIPLIERS: Schema = {
  title: 'Multiplied',
  type: 'object',
  additionalProperties: false,
  required: ['model', 'active', 'multipliers'],
  properties: {
    model: MODEL_NAME,
    active: ACTIVE,
    multipliers: {
      type: 'array',
      description: 'In the order of the asks.',
      items: {
        type: 'object',
        additionalProperties: false,
        required: ['multiplier'],
        properties: {
          multiplier: { type: 'number', description: 'Of a size; 1 where nothing is known.' },
          why: { type: 'string', description: 'One line for a log; of the past only the number is told.' },
        },
      },
    },
  },
}

const multipliers = (maker: DecisionMaker): Operation => ({
  method: 'POST',
  path: '/v1/multipliers',
  operationId: 'multipliers',
  summary: 'Many multipliers at once, of now and of moments that are past',
  description:
    'For a backtest: each entry sized by what was known then. Moments that are past are folded from the log.',
  query: { model: MODEL },
  body: ASKS,
  examples: {
    now: {
      summary: 'Two entries that may be made now',
      value: {
        asks: [
          { entry_context: { curator: '0xdetweiler', chain: 'base' }, timeframe: '1h' },
          { entry_context: { curator: '0xdetweiler', chain: 'solana' }, timeframe: '1h' },
        ],
      },
    },
  },
  answers: { 200: { description: 'A multiplier for each.', schema: MULTIPLIERS } },
  refusals: [],
  invalid: 'USAGE',
  async handle({ query: { model }, body }) {
    return [200, await maker.multipliers(readAsks(body), model)]
  },
})

const timeframes = (maker: DecisionMaker): Operation => ({
  method: 'GET',
  path: '/v1/timeframes',
  operationId: 'timeframes',
  summary: `How to split an allocation over ${TIMEFRAMES.join(', ')}`,
  query: { model: MODEL },
  answers: { 200: { description: 'The shares.', schema: TIMEFRAME_SPLIT } },
  refusals: [],
  invalid: 'USAGE',
  async handle({ query: { model } }) {
    return [200, await maker.timeframes(model)]
  },
})
