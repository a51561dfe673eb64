/** What the log says of one coefficient and of its trades, of what moved, and how far the log goes. */
import type { Operation, Parameter } from '../../core/api/operation.ts'
import { StrandlineError } from '../../core/errors.ts'
import { modelNames } from '../../core/load-model.ts'
import { createModelVersionStore } from '../../core/store/model-versions.ts'
import {
  type DiffAsked,
  diffAnswer,
  explainAnswer,
  historyAnswer,
  type Target,
  tradesAnswer,
} from '../../replay/answers.ts'
import { logExtent } from '../../replay/extent.ts'
import type { PageDeps } from '../deps.ts'
import { MODEL, MOMENT, momentOf, timeOf, wholeOf } from '../parameters.ts'
import { list, record } from '../schema-parts.ts'
import {
  BASELINE,
  CHANGE,
  EXPLAINED,
  EXPLAINED_TRADE,
  GROUP,
  MOMENT as MOMENT_SCHEMA,
  POINT,
  TRADE,
  VERSION,
} from './schemas.ts'

type Query = Record<string, string | undefined>

const TARGET: Record<'name' | 'key', Parameter> = {
  name: {
    description: 'a lever or an interaction; alone: the key of an interaction, or baseline, which is meant without it.',
    example: 'curator',
  },
  key: { description: 'the value of the lever, or the key of the interaction.', example: '0xdetweiler' },
}
const LIMIT: Parameter = { description: 'so many at most; 0, or without it: all.', example: '50' }
const flag = (what: string): Parameter => ({
  description: `true: ${what}.`,
  schema: { enum: ['true', 'false'] },
  example: 'true',
})
/** As history does without --points. */
const POINTS = 200

export function logOperations({ histories, store }: PageDeps): Operation[] {
  const answered = (description: string, title: string, schema: Record<string, unknown>) => ({
    200: { description, schema: { title, ...schema } },
  })
  return [
    {
      method: 'GET',
      path: '/v1/explain',
      operationId: 'explain',
      summary: 'Why a coefficient is what it is',
      description:
        'As ./strandline explain --json prints it: its trades with their shares, the largest first, and where each lies in the log.',
      query: { ...TARGET, model: MODEL, ...MOMENT, limit: LIMIT },
      answers: answered(
        'The coefficient, and its trades.',
        'Explanation',
        record({
          model: VERSION,
          ...MOMENT_SCHEMA,
          target: record(GROUP),
          coefficient: EXPLAINED,
          trades: list(EXPLAINED_TRADE),
        }),
      ),
      refusals: [404],
      invalid: 'USAGE',
      handle: async ({ query }) => [
        200,
        explainAnswer(
          await histories.open(query.model),
          targetOf(query),
          momentOf(query),
          wholeOf('limit', query.limit, 0),
        ),
      ],
    },
    {
      method: 'GET',
      path: '/v1/history',
      operationId: 'history',
      summary: 'How a coefficient went',
      description: 'As ./strandline history --json prints it: what it was after each of its trades.',
      query: {
        ...TARGET,
        model: MODEL,
        ...MOMENT,
        points: {
          description: `so many points at most, evenly chosen; 0: one for each trade; without it: ${POINTS}.`,
          example: '200',
        },
      },
      answers: answered(
        'Its points, the oldest first.',
        'History',
        record({ model: VERSION, target: record(GROUP), ...MOMENT_SCHEMA, points: list(POINT) }),
      ),
      refusals: [404],
      invalid: 'USAGE',
      handle: async ({ query }) => [
        200,
        historyAnswer(
          await histories.open(query.model),
          targetOf(query),
          momentOf(query),
          wholeOf('points', query.points, POINTS),
        ),
      ],
    },
    {
      method: 'GET',
      path: '/v1/trades',
      operationId: 'trades',
      summary: 'What was learned from',
      description: 'As ./strandline trades --json prints it: the newest exit first.',
      query: {
        lever: {
          description: 'only trades with this value, as name=value; may be given several times.',
          schema: { type: ['string', 'array'], items: { type: 'string' } },
          example: 'curator=0xdetweiler',
        },
        since: { description: 'only exits from then on: an ISO 8601 time with a zone.', example: '2026-05-01T00:00Z' },
        voided: flag('those that were retracted'),
        unscored: flag('those without what the model learns'),
        model: MODEL,
        ...MOMENT,
        offset: { description: 'so many of the newest are passed over.', example: '200' },
        limit: LIMIT,
      },
      answers: answered(
        'The trades, and how many there are.',
        'Trades',
        record({
          model: VERSION,
          ...MOMENT_SCHEMA,
          trades: list(TRADE),
          total: { type: 'integer', description: 'With those of other pages.' },
        }),
      ),
      refusals: [404],
      invalid: 'USAGE',
      async handle({ query }) {
        const asked = {
          levers: leversOf(query.lever),
          since: timeOf('since', query.since),
          voided: query.voided === 'true',
          unscored: query.unscored === 'true',
          offset: wholeOf('offset', query.offset, 0),
          limit: wholeOf('limit', query.limit, 0),
        }
        return [200, tradesAnswer(await histories.open(query.model), asked, momentOf(query))]
      },
    },
    {
      method: 'GET',
      path: '/v1/diff',
      operationId: 'diff',
      summary: 'What moved between two moments',
      description:
        'As ./strandline diff --json prints it: each coefficient before and after, and the trades that did it.',
      query: {
        from: {
          description: 'the earlier moment, an ISO 8601 time with a zone; without it: the first exit.',
          example: '2026-05-01T00:00Z',
        },
        to: { description: 'the later one; without it: now.', example: '2026-05-08T00:00Z' },
        by: {
          description: 'exit: by when trades were closed; log: by when the log took them in.',
          schema: { enum: ['exit', 'log'] },
          example: 'exit',
        },
        model: MODEL,
        limit: LIMIT,
      },
      answers: answered(
        'What moved furthest first.',
        'Difference',
        record({
          model: VERSION,
          from: { type: 'string' },
          to: { type: ['string', 'null'], description: 'null: now.' },
          by: { enum: ['exit', 'log'] },
          moved: { type: 'integer', description: 'Coefficients that moved, with those beyond the limit.' },
          global_rr: record({ before: BASELINE, after: BASELINE }),
          changed: list(CHANGE),
        }),
      ),
      refusals: [404],
      invalid: 'USAGE',
      async handle({ query }) {
        const [from, to] = [timeOf('from', query.from), timeOf('to', query.to)]
        const opened = await histories.open(query.model)
        const { exits } = logExtent(opened)
        const first = from ?? (exits ? Date.parse(exits.first) : 0)
        const by = (query.by ?? 'exit') as DiffAsked['by']
        return [200, diffAnswer(opened, { from: first, to, by, limit: wholeOf('limit', query.limit, 0) })]
      },
    },
    {
      method: 'GET',
      path: '/v1/extent',
      operationId: 'extent',
      summary: 'From when to when the log goes, and which models can be asked',
      query: { model: MODEL },
      answers: answered('The first and the last times, the ends of the partitions, and the models.', 'Extent', EXTENT),
      refusals: [404],
      invalid: 'USAGE',
      async handle({ query }) {
        const [opened, models] = await Promise.all([histories.open(query.model), askableModels()])
        return [200, { ...logExtent(opened), models }]
      },
    },
  ]

  async function askableModels() {
    const versions = (await createModelVersionStore(store).list()).filter((v) => !v.dropping)
    const learned = versions.map(({ model, hash, build, active, building }) => {
      const others = versions.filter((v) => v.model === model).length
      const ask = others === 1 ? model : `${hash.slice(0, 12)}.r${build}`
      return { ask, name: model, hash, build, active, building, learned: true }
    })
    const known = new Set(versions.map((v) => v.model))
    const shipped = modelNames()
      .filter((name) => !known.has(name))
      .map((name) => ({ ask: name, name, hash: null, build: null, active: false, building: false, learned: false }))
    return [...learned, ...shipped]
  }
}

const SPAN = {
  anyOf: [record({ first: { type: 'string' }, last: { type: 'string' } }), { type: 'null' }],
}
const EXTENT = record({
  model: VERSION,
  trades: { type: 'integer', description: 'Trades that count now.' },
  exits: { ...SPAN, description: 'Of the trades that count; null: there is none.' },
  taken: { ...SPAN, description: 'When the log took in its records of trades; null: there is none.' },
  ends: {
    type: 'object',
    additionalProperties: { type: 'integer' },
    description: 'Offset behind the last record that was read, by partition.',
  },
  levers: list({ type: 'string' }, 'Of the model, in its order.'),
  interactions: list({ type: 'string' }),
  models: list(
    record({
      ask: { type: 'string', description: 'What to give as model.' },
      name: { type: 'string' },
      hash: { type: ['string', 'null'] },
      build: { type: ['integer', 'null'] },
      active: { type: 'boolean' },
      building: { type: 'boolean', description: 'A rebuild that is not complete.' },
      learned: {
        type: 'boolean',
        description:
          'The database has what it learned; if not, it can be asked about past moments alone, which are folded from the log.',
      },
    }),
  ),
})

const targetOf = ({ name = 'baseline', key }: Query): Target => ({ name, key })

function leversOf(given: unknown): [name: string, value: string][] {
  const texts = given === undefined ? [] : Array.isArray(given) ? (given as string[]) : [given as string]
  return texts.map((text) => {
    const at = text.indexOf('=')
    if (at < 1)
      throw new StrandlineError('USAGE', `lever is ${JSON.stringify(text)}.`, {
        todo: 'Write it as name=value, e.g. curator=0xdetweiler.',
      })
    return [text.slice(0, at), text.slice(at + 1)]
  })
}
