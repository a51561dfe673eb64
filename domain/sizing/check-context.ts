/** What of a question the model would pass over in silence: refused where it is a mistake, named where it may be meant. Pure. */
import { StrandlineError } from '../../core/errors.ts'
import type { LeverDefinition, ModelDefinition } from '../learning/model.ts'
import { TIMEFRAMES, timeframeMs } from '../timeframe.ts'

export interface ContextCheck {
  /** Fields of the entry context that change nothing, in its order: the model does not read them, or knows no such value. */
  ignored: string[]
  /** Why, one sentence for each. */
  warnings: string[]
}

/**
 * @param model null while nothing is learned: every field is passed over then, which is no mistake
 * @throws StrandlineError USAGE for a timeframe that there is not, and for a number where the model reads a text or the other way round
 */
export function checkAgainstModel(
  model: ModelDefinition | null,
  entry_context: Record<string, unknown>,
  timeframe: string | undefined,
): ContextCheck {
  if (timeframe !== undefined) checkTimeframe(model, timeframe)
  const found: ContextCheck = { ignored: [], warnings: [] }
  if (!model) return found
  const levers = new Map(model.levers.flatMap((l) => (l.field === undefined ? [] : [[l.field, l]])))
  const measures = new Set(model.levers.flatMap(measuresOf))
  for (const [field, value] of Object.entries(entry_context)) {
    if (value === null || value === undefined || value === '') continue
    const lever = levers.get(field)
    const warning = lever
      ? checkLever(lever, field, value)
      : measures.has(field)
        ? checkMeasure(model, field, value)
        : `${field} is ignored: the model ${model.name} does not read it.`
    if (warning === null) continue
    found.ignored.push(field)
    found.warnings.push(warning)
  }
  return found
}

function checkTimeframe(model: ModelDefinition | null, timeframe: string): void {
  const lever = model?.levers.find((l) => l.event_field === 'timeframe')
  const known = model ? lever?.vocabulary : TIMEFRAMES
  const todo = `Use one of ${(known ?? TIMEFRAMES).join(', ')}, or none.`
  if (known && !known.some((k) => k.toLowerCase() === timeframe.trim().toLowerCase()))
    throw new StrandlineError(
      'USAGE',
      model ? `The model ${model.name} knows no timeframe '${timeframe}'.` : `There is no timeframe '${timeframe}'.`,
      { todo },
    )
  try {
    timeframeMs(timeframe.trim())
  } catch (cause) {
    throw new StrandlineError('USAGE', `There is no timeframe '${timeframe}'.`, { todo, cause })
  }
}

function checkLever({ name, vocabulary }: LeverDefinition, field: string, value: unknown): string | null {
  if (typeof value === 'number')
    throw new StrandlineError('USAGE', `${field} is the number ${value}; the lever ${name} reads a text.`, {
      todo: `Write it as the trades have it${vocabulary ? `: one of ${vocabulary.join(', ')}` : `, e.g. "${value}"`}.`,
    })
  const text = String(value).trim().toLowerCase()
  if (text === '' || !vocabulary || vocabulary.some((v) => v.toLowerCase() === text)) return null
  return `${field} is ignored: '${value}' is none of ${vocabulary.join(', ')}.`
}

function checkMeasure({ levers }: ModelDefinition, field: string, value: unknown): null {
  if (typeof value === 'number') return null
  const lever = levers.find((l) => measuresOf(l).includes(field))
  throw new StrandlineError('USAGE', `${field} is ${JSON.stringify(value)}; the lever ${lever?.name} reads a number.`, {
    todo: `Write it as a number${lever?.unit ? ` (${lever.unit})` : ''}.`,
  })
}

const measuresOf = ({ measure }: LeverDefinition): string[] =>
  measure === undefined ? [] : typeof measure === 'string' ? [measure] : [measure.numerator, measure.denominator]
