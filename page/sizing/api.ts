/** How large the next position should be, now or as it would have been at a moment, and what an entry can say. */
import type { Operation, Schema } from '../../core/api/operation.ts'
import { createCoefficientStore } from '../../core/store/coefficient-store.ts'
import { createHistoryStore } from '../../replay/history-store.ts'
import { cutOf, namesMoment } from '../../replay/moment.ts'
import { allocations } from '../../services/decision/api.ts'
import { type AllocationRequest, createDecisionMaker } from '../../services/decision/decide.ts'
import type { PageDeps } from '../deps.ts'
import { MODEL, MOMENT, momentOf } from '../parameters.ts'
import { type ContextsAnswer, contextsOf } from './contexts.ts'

export const sizingOperations = (deps: PageDeps): Operation[] => [sizing(deps), contexts(deps)]

/** What the decision service answers, and `allocate --json` prints. */
function sizing({ store, histories }: PageDeps): Operation {
  const now = allocations(createDecisionMaker(createCoefficientStore(store)))
  return {
    ...now,
    description: `${now.description} At a moment that is past, the log is read up to it.`,
    query: { model: MODEL, ...MOMENT },
    async handle(asked) {
      const moment = momentOf(asked.query)
      if (!namesMoment(moment)) return now.handle(asked)
      const { model, ...request } = asked.body as AllocationRequest
      const opened = await histories.open(asked.query.model ?? model)
      const then = createHistoryStore(opened, cutOf(moment, opened.ends))
      return [200, await createDecisionMaker(then).allocate(request)]
    },
  }
}

const TEXT: Schema = { type: 'string' }
const COUNT: Schema = { type: 'integer', minimum: 0 }

const LEVER: Schema = {
  title: 'Lever',
  type: 'object',
  additionalProperties: false,
  required: ['kind', 'field', 'lever', 'vocabulary', 'measures', 'values', 'known'],
  properties: {
    kind: { const: 'lever' },
    field: { ...TEXT, description: 'Of the entry context: a text.' },
    lever: { ...TEXT, description: 'What its coefficients are called by.' },
    vocabulary: {
      type: ['array', 'null'],
      items: TEXT,
      description: 'The only values that the model knows; null: it takes any.',
    },
    measures: { type: 'array', items: TEXT, description: 'Measures that say the value where the field is empty.' },
    values: {
      type: 'array',
      maxItems: 200,
      description: 'Those that trades had, of most trades first, at most 200.',
      items: {
        type: 'object',
        additionalProperties: false,
        required: ['value', 'n'],
        properties: { value: TEXT, n: { ...COUNT, description: 'Trades that had it.' } },
      },
    },
    known: { ...COUNT, description: 'How many values trades had, all of them.' },
  },
}

const MEASURE: Schema = {
  title: 'Measure',
  type: 'object',
  additionalProperties: false,
  required: ['kind', 'field', 'unit', 'bands'],
  properties: {
    kind: { const: 'measure' },
    field: { ...TEXT, description: 'Of the entry context: a number.' },
    unit: { type: ['string', 'null'], description: 'E.g. USD, days; null: the model does not say.' },
    bands: {
      type: 'array',
      description: 'What it says of levers whose own field is empty: below the first edge the first word, and so on.',
      items: {
        type: 'object',
        additionalProperties: false,
        required: ['lever', 'edges', 'words'],
        properties: {
          lever: TEXT,
          edges: { type: 'array', items: { type: 'number' } },
          words: { type: 'array', items: TEXT },
        },
      },
    },
  },
}

const CONTEXTS: Schema = {
  title: 'Contexts',
  type: 'object',
  additionalProperties: false,
  required: ['model', 'fields', 'timeframes', 'newest', 'models'],
  properties: {
    model: {
      type: 'object',
      description: 'Which model reads them: its name, hash, build, whether it is the active one, and its outcome.',
    },
    fields: { type: 'array', items: { anyOf: [LEVER, MEASURE] }, description: 'In the model’s order.' },
    timeframes: {
      type: 'array',
      items: {
        type: 'object',
        additionalProperties: false,
        required: ['timeframe', 'n'],
        properties: { timeframe: TEXT, n: COUNT },
      },
    },
    newest: {
      description:
        'The trade that was closed last, with what the history knows of its entry: levers, and of a measure the word for its bucket. null: none was closed.',
      anyOf: [
        { type: 'null' },
        {
          type: 'object',
          additionalProperties: false,
          required: ['position_id', 'symbol', 'closed_at', 'entry_context', 'timeframe'],
          properties: {
            position_id: TEXT,
            symbol: TEXT,
            closed_at: TEXT,
            entry_context: { type: 'object', additionalProperties: TEXT },
            timeframe: { type: ['string', 'null'] },
          },
        },
      ],
    },
    models: { type: 'array', items: TEXT, description: 'Names of the models that are learned here.' },
  },
}

const contexts = ({ histories, store }: PageDeps): Operation => ({
  method: 'GET',
  path: '/v1/contexts',
  operationId: 'contexts',
  summary: 'What a model reads of an entry context, and what entries have looked like so far',
  query: { model: MODEL },
  answers: { 200: { description: 'Its fields, their known values, and the newest entry.', schema: CONTEXTS } },
  refusals: [404],
  invalid: 'USAGE',
  async handle({ query: { model } }) {
    const [opened, versions] = await Promise.all([histories.open(model), createCoefficientStore(store).list()])
    const models = new Set(versions.filter((v) => !v.dropping).map((v) => v.model))
    const answer: ContextsAnswer = { ...contextsOf(opened), models: [...models].sort() }
    return [200, answer]
  },
})
