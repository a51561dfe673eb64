/** What given models cannot take of a context that is within all other limits: keys that are too long once escaped and joined. Pure. */
import type { LeverSource, Model } from './model.ts'

/** Levers and interactions that the trade will not count for, with the model. */
export function overlongKeys(models: readonly Model[], source: LeverSource): { model: string; name: string }[] {
  return models.flatMap((model) => {
    const levers: string[] = []
    const values = model.leverValues(source, levers)
    return [...levers, ...model.combination(values).leftOut].map((name) => ({ model: model.definition.name, name }))
  })
}
