/** What is learned, at any moment, and side by side with another moment or another model: in pages, in the order that is asked for. */
import { LRUCache } from 'lru-cache'
import type { Operation, Parameter } from '../../core/api/operation.ts'
import type { WeighedRow } from '../../domain/learning/offline.ts'
import type { NamedMoment } from '../../replay/moment.ts'
import type { PageDeps } from '../deps.ts'
import { MODEL, MOMENT, momentOf, timeOf, wholeOf } from '../parameters.ts'
import { list, record } from '../schema-parts.ts'
import { type Arrangement, arrange, SORTS, type Sort } from './arrange.ts'
import type { Head, Reading } from './reading.ts'
import { createReadings, type Readings } from './readings.ts'
import { COEFFICIENT, HEAD } from './schemas.ts'

type Query = Record<string, string | undefined>

/** Orders that are kept of one reading. */
const ORDERS = 6

const QUERY: Record<string, Parameter> = {
  model: MODEL,
  ...MOMENT,
  scope: {
    description: 'lever or interaction; without it: both.',
    schema: { enum: ['lever', 'interaction'] },
    example: 'lever',
  },
  name: { description: 'only coefficients of this name.', example: 'curator' },
  min_n: { description: 'only coefficients with at least so many trades.', example: '5' },
  search: { description: 'only those whose name or key has this text in it, whatever its case.', example: 'detw' },
  sort: {
    description: 'by which number; moved: how far the weight is from that of the comparison, or from 1.',
    schema: { enum: [...SORTS] },
    example: 'weight',
  },
  order: {
    description: 'asc or desc; without it: names from the first, numbers from the greatest.',
    schema: { enum: ['asc', 'desc'] },
    example: 'desc',
  },
  offset: { description: 'so many rows are passed over.', example: '200' },
  limit: { description: 'so many rows at most; 0, or without it: all.', example: '200' },
  against_model: {
    description: 'compares with this model or version, at the same moment unless against_as_of names another one.',
    schema: MODEL.schema,
    example: 'lowcap-v5',
  },
  against_as_of: {
    description: 'compares with this moment: an ISO 8601 time with a zone, or now.',
    example: '2026-05-01T00:00Z',
  },
}

export function coefficientOperations({ store, histories, clock }: PageDeps): Operation[] {
  const readings = createReadings({ store, histories, clock })
  const orders = new WeakMap<Reading, LRUCache<string, Uint32Array>>()

  function orderOf(reading: Reading, asked: Arrangement, against: Reading | null): Uint32Array {
    let known = orders.get(reading)
    if (!known) {
      known = new LRUCache({ max: ORDERS })
      orders.set(reading, known)
    }
    const key = JSON.stringify([asked, asked.sort === 'moved' && against?.key])
    const order = known.get(key) ?? arrange(reading, asked, against)
    known.set(key, order)
    return order
  }

  return [
    {
      method: 'GET',
      path: '/v1/coefficients',
      operationId: 'coefficients',
      summary: 'What is learned',
      description:
        'As ./strandline coefficients --json prints it. Without a moment it is read from the database; with one it is folded from the log. Of a comparison each row has the numbers of the other moment or model in against, and so has the answer.',
      query: QUERY,
      answers: {
        200: {
          description: 'The baseline, and a page of coefficients.',
          schema: {
            title: 'Coefficients',
            ...record(
              {
                ...HEAD,
                coefficients: list(COEFFICIENT),
                total: { type: 'integer', description: 'Coefficients that are asked for, with those of other pages.' },
              },
              undefined,
              { against: record(HEAD) },
            ),
          },
        },
      },
      refusals: [],
      invalid: 'USAGE',
      async handle({ query }) {
        const asked = arrangementOf(query)
        const offset = wholeOf('offset', query.offset, 0)
        const limit = wholeOf('limit', query.limit, 0)
        const reading = await readings.at(query.model, momentOf(query), limit === 0)
        const against = await comparison(readings, query, limit === 0)
        const order = orderOf(reading, asked, against)
        const places = limit === 0 ? order.subarray(offset) : order.subarray(offset, offset + limit)
        const page = await exactly(
          reading,
          Array.from(places, (i) => reading.rows[i] as WeighedRow),
        )
        if (!against) return [200, { ...page.head, coefficients: page.rows, total: order.length }]
        const others = page.rows.map((row) => against.find(row))
        const other = await exactly(
          against,
          others.filter((row) => row !== undefined),
        )
        const found = other.rows.values()
        const coefficients = page.rows.map((row, i) => ({
          ...row,
          against: others[i] ? numbersOf(found.next().value as WeighedRow) : null,
        }))
        return [200, { ...page.head, against: other.head, coefficients, total: order.length }]
      },
    },
  ]
}

function arrangementOf({ scope, name, min_n, search, sort = 'name', order }: Query): Arrangement {
  const descending = order === undefined ? sort !== 'name' : order === 'desc'
  return { scope, name, minN: wholeOf('min_n', min_n, 0), search, sort: sort as Sort, descending }
}

/** null: none is asked for. */
async function comparison(readings: Readings, query: Query, all: boolean): Promise<Reading | null> {
  const { against_model, against_as_of, model } = query
  if (against_model === undefined && against_as_of === undefined) return null
  const moment: NamedMoment =
    against_as_of === undefined
      ? momentOf(query)
      : against_as_of === 'now'
        ? {}
        : { asOf: timeOf('against_as_of', against_as_of) }
  return readings.at(against_model ?? model, moment, all)
}

const exactly = async (reading: Reading, rows: WeighedRow[]): Promise<{ head: Head; rows: WeighedRow[] }> =>
  reading.exact && rows.length > 0 ? reading.exact(rows) : { head: reading.head, rows }

const numbersOf = ({ weight, rr_short, rr_long, n, edge, trust, error }: WeighedRow) => ({
  weight,
  rr_short,
  rr_long,
  n,
  edge,
  trust,
  error,
})
