/** What the models that come with Strandline cannot take of a context that is within all other limits: keys that are too long once escaped and joined. */
import { loadModel, modelNames } from '../learner/load-model.ts'
import type { LeverSource, Model } from '../learner/model.ts'

let models: Model[] | undefined

/** Levers and interactions that the trade will not count for, with the model. */
export function overlongKeys(source: LeverSource): { model: string; name: string }[] {
  models ??= modelNames().map(loadModel)
  return models.flatMap((model) => {
    const levers: string[] = []
    const values = model.leverValues(source, levers)
    return [...levers, ...model.combination(values).leftOut].map((name) => ({ model: model.definition.name, name }))
  })
}
