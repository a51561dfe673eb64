import { loadModel } from '../../core/load-model.ts'
import { groupOf, learnerConsumer } from '../../core/runner/consumer-names.ts'

/** The Kafka group of the first learner of a model as it is shipped. */
export function learnerGroup(name: string): string {
  const { definition, hash } = loadModel(name)
  return groupOf(learnerConsumer({ model: definition.name, hash, build: 1 }))
}
