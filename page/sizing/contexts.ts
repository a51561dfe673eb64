/** What a model reads of an entry, and what entries have looked like so far. */
import { type KnownValue, knownValues, leversOf, newestRow } from '../../domain/history/known-values.ts'
import type { LeverDefinition, ModelDefinition } from '../../domain/learning/model.ts'
import { TIMEFRAMES } from '../../domain/timeframe.ts'
import { answering, type OpenHistory } from '../../replay/open-history.ts'
import { type TradeRow, tradeRow } from '../../replay/trade-row.ts'

/** Values of one lever: more than a person looks through. */
const MOST_VALUES = 200

/** A text of the entry context. */
export interface LeverField {
  kind: 'lever'
  field: string
  /** What its coefficients are called by. */
  lever: string
  /** The only values that the model knows; null: it takes any. */
  vocabulary: string[] | null
  /** Measures that say the value where the field is empty. */
  measures: string[]
  /** Those that trades had, of most trades first, at most 200 of all `known`. */
  values: KnownValue[]
  known: number
}

/** A number of the entry context. */
export interface MeasureField {
  kind: 'measure'
  field: string
  /** null: the model does not say. */
  unit: string | null
  /** What it says of levers whose own field is empty. */
  bands: { lever: string; edges: number[]; words: string[] }[]
}

export interface Contexts {
  model: ReturnType<typeof answering>
  /** In the model's order. */
  fields: (LeverField | MeasureField)[]
  timeframes: { timeframe: string; n: number }[]
  /** What is known of the entry of the trade that was closed last; null: none was. */
  newest:
    | (Pick<TradeRow, 'position_id' | 'symbol' | 'closed_at'> & {
        entry_context: Record<string, string>
        timeframe: string | null
      })
    | null
}

/** What /v1/contexts answers. */
export interface ContextsAnswer extends Contexts {
  /** Names of the models that are learned here. */
  models: string[]
}

export function contextsOf(opened: OpenHistory): Contexts {
  const { model, history } = opened
  const { definition } = model
  const values = knownValues(history, opened.effective({}))
  const timeframe = definition.levers.find((l) => l.event_field === 'timeframe')
  const known = new Map(values.get(timeframe?.name ?? '')?.map((v) => [v.value, v.n]))
  return {
    model: answering(opened),
    fields: fieldsOf(definition, values),
    timeframes: [...new Set([...(timeframe?.vocabulary ?? TIMEFRAMES), ...known.keys()])].map((name) => ({
      timeframe: name,
      n: known.get(name) ?? 0,
    })),
    newest: newestOf(opened, timeframe?.name),
  }
}

function fieldsOf(
  { levers }: ModelDefinition,
  values: ReadonlyMap<string, KnownValue[]>,
): (LeverField | MeasureField)[] {
  const found = new Map<string, LeverField | MeasureField>()
  for (const lever of levers) {
    const { name, field, vocabulary = null } = lever
    const measures = measuresOf(lever)
    const known = values.get(name) ?? []
    if (field !== undefined)
      found.set(field, {
        kind: 'lever',
        field,
        lever: name,
        vocabulary,
        measures,
        values: known.slice(0, MOST_VALUES),
        known: known.length,
      })
    for (const measure of measures) if (!found.has(measure)) found.set(measure, measureField(levers, measure))
  }
  return [...found.values()]
}

function measureField(levers: readonly LeverDefinition[], field: string): MeasureField {
  const alone = levers.filter((l) => l.measure === field)
  return {
    kind: 'measure',
    field,
    unit: alone.find((l) => l.unit)?.unit ?? null,
    bands: alone.map(({ name, edges = [], vocabulary = [] }) => ({ lever: name, edges, words: vocabulary })),
  }
}

const measuresOf = ({ measure }: LeverDefinition): string[] =>
  measure === undefined ? [] : typeof measure === 'string' ? [measure] : [measure.numerator, measure.denominator]

function newestOf(opened: OpenHistory, timeframe: string | undefined): Contexts['newest'] {
  const { history, model } = opened
  const row = newestRow(history, opened.newest({}))
  if (row === undefined) return null
  const levers = leversOf(history, row)
  const { position_id, symbol, closed_at } = tradeRow(history, row)
  const entry = model.definition.levers.flatMap(({ name, field }) =>
    field !== undefined && levers.has(name) ? [[field, levers.get(name) as string]] : [],
  )
  return {
    position_id,
    symbol,
    closed_at,
    entry_context: Object.fromEntries(entry),
    timeframe: (timeframe !== undefined && levers.get(timeframe)) || null,
  }
}
