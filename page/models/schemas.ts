/** Model versions, as JSON Schema says them. */
import type { Schema } from '../../core/api/operation.ts'
import { orNull, record, WHOLE } from '../schema-parts.ts'

const NUMBER_OR_NULL: Schema = { type: ['number', 'null'] }
const TEXT: Schema = { type: 'string' }

const OUTCOME: Schema = {
  description:
    'What it learns of a trade: "rr", "return", "net_return", or {of, per}: one of them for each unit of a measure.',
  anyOf: [
    { enum: ['rr', 'return', 'net_return'] },
    record({ of: { enum: ['rr', 'return', 'net_return'] }, per: TEXT }),
  ],
}

const VERSION = {
  name: { type: 'string', description: 'The model.' },
  hash: { type: 'string', description: 'Of its definition.' },
  build: { type: 'integer', minimum: 1, description: 'The first, second, … folding of this definition.' },
  topic: { type: 'string', description: 'The log that it learns from.' },
}
const VERSION_NAME = record(VERSION)

const KNOWS = {
  n: { ...WHOLE, description: 'Scored trades behind its coefficients.' },
  lag_records: {
    type: ['integer', 'null'],
    description: 'Records of its log that it has not applied; null: the log could not be asked, or is another one.',
  },
}

const SUMS_OF: Schema = {
  ...orNull(VERSION_NAME),
  description: 'The version whose sums it reads, for they are the same; null: it has its own.',
}

export const MODELS: Schema = {
  title: 'Models',
  ...record({
    models: {
      type: 'array',
      description: 'The active one first, then the newest first.',
      items: record({
        ...VERSION,
        outcome: OUTCOME,
        active: { type: 'boolean', description: 'Readers see it.' },
        state: {
          enum: ['active', 'kept', 'building', 'dropping'],
          description: 'kept: learners keep it up to date, and readers see another one.',
        },
        previous: { type: 'boolean', description: 'A rollback goes there.' },
        events: { ...WHOLE, description: 'Trades in its ledger.' },
        lag: {
          type: ['integer', 'null'],
          description: 'Records of its log that it has not applied; null: there is no such topic any more.',
        },
        coefficients: WHOLE,
        size_bytes: {
          ...WHOLE,
          description: 'On disk, about; 0: it takes no room beside the version whose sums it reads.',
        },
        sums_of: SUMS_OF,
        created_at: { type: 'string', format: 'date-time' },
      }),
    },
  }),
}

const BASELINE = record({ rr_short: NUMBER_OR_NULL, rr_long: NUMBER_OR_NULL, n: WHOLE })
const VALUE = record({ weight: { type: 'number' }, rr_short: NUMBER_OR_NULL, rr_long: NUMBER_OR_NULL, n: WHOLE })

export const PREVIEW: Schema = {
  title: 'PromotionPreview',
  ...record({
    from: { ...orNull(VERSION_NAME), description: 'What readers see now; null: nothing.' },
    to: VERSION_NAME,
    ...KNOWS,
    before: { ...WHOLE, description: 'Coefficients of the one.' },
    after: { ...WHOLE, description: 'Coefficients of the other.' },
    appear: WHOLE,
    vanish: WHOLE,
    move: { ...WHOLE, description: 'Of those that both have: by more than a tenth of the weight.' },
    both: WHOLE,
    largest: {
      type: 'array',
      maxItems: 20,
      items: record({
        scope: TEXT,
        name: TEXT,
        key: TEXT,
        before: VALUE,
        after: VALUE,
        change: { type: 'number', description: 'The weight’s, as a share of what it was: 0.1 is 10 % more.' },
      }),
    },
    global_rr: record({ before: BASELINE, after: BASELINE }, 'The mean outcome of all trades.'),
    outcome: record({ before: orNull(OUTCOME), after: orNull(OUTCOME) }),
  }),
}

export const PROMOTION: Schema = {
  title: 'Promotion',
  ...record({
    ...VERSION,
    ...KNOWS,
    previous: { ...orNull(VERSION_NAME), description: 'The version that was active before; null: none was.' },
  }),
}

export const DROPPED: Schema = {
  title: 'Dropped',
  ...record({ ...VERSION, rows: { ...WHOLE, description: 'That were taken away.' } }),
}

const REBUILT = record({
  ...VERSION,
  begun: { type: 'boolean', description: 'It went on with one that was there.' },
  active: { type: 'boolean', description: 'Readers see it: there was nothing else.' },
  complete: { type: 'boolean', description: 'false: it was given up, and goes on when it is asked for again.' },
  sums_of: SUMS_OF,
  records: { ...WHOLE, description: 'Of the log, that are applied; 0: nothing was to be folded.' },
  seconds: { type: 'number' },
})

export const REBUILD_STATE: Schema = {
  title: 'Rebuild',
  ...record({
    running: orNull(
      record(
        {
          model: { type: ['string', 'null'], description: 'What was asked for; null: what readers see.' },
          version: orNull(VERSION_NAME),
          since: { type: 'string', format: 'date-time' },
          applied: { type: ['integer', 'null'], description: 'Records of the log that are applied.' },
          total: { type: ['integer', 'null'], description: 'Records of the log.' },
          waiting: { type: ['string', 'null'], description: 'What it waits for, where nothing has moved for a while.' },
          stopping: { type: 'boolean' },
        },
        'The one that this page runs.',
      ),
    ),
    last: orNull({
      type: 'object',
      description: 'How the last one ended: its result, or an error.',
      additionalProperties: false,
      required: ['at'],
      properties: {
        at: { type: 'string', format: 'date-time' },
        result: REBUILT,
        error: record({ code: TEXT, message: TEXT, todo: { type: ['string', 'null'] } }),
      },
    }),
    shipped: { type: 'array', items: TEXT, description: 'Models that come with Strandline: each can be rebuilt.' },
  }),
}

/** The database has no text with NUL in it. */
const TEXT_WITHOUT_NUL = { type: 'string', minLength: 1, maxLength: 200, pattern: '^[^\\u0000]*$' }

const NAME: Schema = {
  ...TEXT_WITHOUT_NUL,
  description: 'the name of a version: its model, or six or more digits of its hash, either with .r2 behind it.',
}
const OF_TOPIC: Schema = {
  ...TEXT_WITHOUT_NUL,
  maxLength: 249,
  description: 'the name of a topic: which of its versions, where a model learns from several.',
}
const FORCE: Schema = {
  type: 'boolean',
  description: 'true: also one that is empty or lags; readers then lack what it has not applied.',
}

const request = (title: string, properties: Record<string, Schema>, required: string[] = []): Schema => ({
  title,
  type: 'object',
  additionalProperties: false,
  required,
  properties,
})

export const PROMOTE = request('Promote', { name: NAME, topic: OF_TOPIC, force: FORCE })
export const ROLLBACK = request('Rollback', {
  name: {
    ...NAME,
    description: 'the version that was looked at: where going back leads to another one by now, nothing is changed.',
  },
  topic: OF_TOPIC,
  force: FORCE,
})
export const DROP = request('Drop', { name: NAME, topic: OF_TOPIC }, ['name'])
export const REBUILD = request('Rebuild', {
  model: {
    ...TEXT_WITHOUT_NUL,
    description:
      'the name of a model that comes with Strandline, or of a version; without it: what readers see, once more.',
  },
})
export const STOP = request('Stop', {})
