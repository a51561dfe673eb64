/** Whether past trades say anything about the next one. */
import type { Operation, Schema } from '../../core/api/operation.ts'
import { StrandlineError } from '../../core/errors.ts'
import { isModelFile } from '../../core/load-model.ts'
import type { PageDeps } from '../deps.ts'
import { timeOf } from '../parameters.ts'
import { createVerdicts } from './verdicts.ts'

const MOST_MODELS = 10

const NUMBER_OR_NULL: Schema = { type: ['number', 'null'] }
const orNull = (schema: Schema): Schema => ({ anyOf: [schema, { type: 'null' }] })
const described = (description: string, schema: Schema): Schema => ({ ...schema, description })
const fields = (properties: Record<string, Schema>, title?: string): Schema => ({
  ...(title ? { title } : {}),
  type: 'object',
  additionalProperties: false,
  required: Object.keys(properties),
  properties,
})

const INTERVAL = fields({
  mean: { type: 'number' },
  low: { type: 'number', description: 'It lies between low and high in 95 of 100 draws of whole days.' },
  high: { type: 'number' },
})

const BUCKET = fields(
  {
    multiplier: described('Mean of these sizes.', { type: 'number' }),
    outcome: described('Mean outcome that came of them.', { type: 'number' }),
    low: described('That mean lies between low and high in 95 of 100 draws of whole days.', { type: 'number' }),
    high: { type: 'number' },
    expected: described(
      'Mean outcome that these sizes stood for, by what was known then; null: nothing was.',
      NUMBER_OR_NULL,
    ),
    n: { type: 'integer' },
  },
  'Bucket',
)

const CURVE_VALUE = fields({
  equal: described('What each unit staked had brought at equal sizes.', { type: 'number' }),
  sized: described('The same by the model’s sizes.', { type: 'number' }),
  low: described('`sized` lies between low and high in 95 of 100 draws of whole days, beside this `equal`.', {
    type: 'number',
  }),
  high: { type: 'number' },
})

const POINT = fields(
  {
    at: described('Exit of the last trade in it, ISO 8601.', { type: 'string' }),
    trades: { type: 'integer' },
    outcome: CURVE_VALUE,
    net: orNull(CURVE_VALUE),
  },
  'Point',
)

const MODEL_VERDICT = fields(
  {
    name: { type: 'string' },
    hash: { type: 'string' },
    learns: { type: 'string', description: 'Name of what it learns.' },
    trades: { type: 'integer', description: 'Trades that have it.' },
    outcome: described(
      'What a unit staked brought beyond equal sizes, in the unit of what the model learns; null: no two trades.',
      orNull(INTERVAL),
    ),
    net: described('The same in money: net return, a ratio; null: no trade says it.', orNull(INTERVAL)),
    p: described('How often outcomes that were dealt to other trades did as well.', NUMBER_OR_NULL),
    p_adjusted: described('For every model that was tried on this log (Holm).', NUMBER_OR_NULL),
    kish: described('Effective part of the bets, 0 to 1; 1: all of one size.', NUMBER_OR_NULL),
    largest: described('The largest multiplier.', NUMBER_OR_NULL),
    spearman: described('Rank correlation of size and outcome.', NUMBER_OR_NULL),
    calibration: described('From the smallest sizes to the largest.', { type: 'array', items: BUCKET }),
    curve: described('The way there, in the order of exits.', { type: 'array', items: POINT, maxItems: 300 }),
    verdict: { enum: ['better', 'worse', 'cannot tell'] },
    detectable: described('The smallest gain that this log could have shown.', NUMBER_OR_NULL),
    trades_needed: described('How many trades it takes to show the gain that was found.', NUMBER_OR_NULL),
  },
  'ModelVerdict',
)

const VERDICT = fields(
  {
    trades: { type: 'integer' },
    days: { type: 'integer', description: 'On which something closed.' },
    models: { type: 'array', items: MODEL_VERDICT },
    sentence: { type: 'string' },
    caveats: { type: 'array', items: { type: 'string' }, description: 'What the answer is not free of.' },
    at: { type: 'string', description: 'When it was begun, ISO 8601: it may be an answer that was kept.' },
    seconds: { type: 'number', description: 'How long it took.' },
  },
  'Verdict',
)

export function verdictOperations(deps: PageDeps): Operation[] {
  const verdicts = createVerdicts(deps)
  return [
    {
      method: 'GET',
      path: '/v1/verdict',
      operationId: 'verdict',
      summary: 'Whether past trades say anything about the next one',
      description:
        'What ./strandline verdict --json prints, and when it was computed. It takes a second for a thousand trades and answers once it is done; identical questions share one run. The last answer is kept while the log, the models that were tried on it and those that are learned here stay the same. Each model that is judged counts as a try against the next answer.',
      query: {
        models: {
          description: 'names of models, with commas between them; without it: those that are learned here.',
          schema: { minLength: 1, maxLength: 2_000 },
          example: 'lowcap-v4,lowcap-v5',
        },
        since: {
          description: 'an ISO 8601 time with a zone: only trades that were entered from then on are judged.',
          example: '2026-05-01T00:00Z',
        },
        fresh: { description: '1 to have it computed now in any case.', schema: { enum: ['0', '1'] }, example: '1' },
      },
      answers: { 200: { description: 'The sentence, and what it rests on.', schema: VERDICT } },
      refusals: [404],
      invalid: 'USAGE',
      async handle({ query: { models, since, fresh } }) {
        const question = { models: models === undefined ? undefined : namesIn(models), since: timeOf('since', since) }
        return [200, await verdicts.ask(question, fresh === '1')]
      },
    },
  ]
}

/** Errors: USAGE. A file is no name: nobody reads files of this machine through the page. */
function namesIn(text: string): string[] {
  const names = [...new Set(text.split(',').map((name) => name.trim()))].filter((name) => name !== '')
  const file = names.find(isModelFile)
  if (file !== undefined || names.length === 0 || names.length > MOST_MODELS)
    throw new StrandlineError(
      'USAGE',
      file !== undefined ? `models names '${file}', which is no name of a model.` : `models names ${names.length}.`,
      { todo: `Give the names of 1 to ${MOST_MODELS} models, e.g. lowcap-v4,lowcap-v5.` },
    )
  return names
}
