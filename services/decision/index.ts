/** The decision maker: sizes the next position with what is learned, over HTTP or as a library call. It only reads. */
import { serveApi } from '../../core/api/serve-api.ts'
import { findStrandlineError } from '../../core/errors.ts'
import type { Service, ServiceDeps } from '../../core/service.ts'
import { type CoefficientStore, createCoefficientStore } from '../../core/store/coefficient-store.ts'
import { decisionApi } from './api.ts'
import { createDecisionMaker } from './decide.ts'
import { decisionMetrics } from './metrics.ts'
import type { PastSizing } from './multipliers.ts'

export { allocate, createDecisionMaker } from './decide.ts'
export type { PastAsk, PastSizing } from './multipliers.ts'

export async function startDecision(
  { store, logger, metrics }: ServiceDeps,
  coefficients: CoefficientStore = createCoefficientStore(store),
  past?: PastSizing,
): Promise<Service> {
  const counted = decisionMetrics(metrics)
  const maker = createDecisionMaker(coefficients, past)

  async function answer<T>(what: string, work: () => Promise<T>): Promise<T> {
    const stop = counted.seconds.startTimer({ request: what })
    try {
      const result = await work()
      stop({ outcome: 'ok' })
      return result
    } catch (error) {
      stop({ outcome: findStrandlineError(error)?.code ?? 'error' })
      throw error
    }
  }

  const api = decisionApi({
    allocate: (request) => answer('allocation', () => maker.allocate(request)),
    timeframes: (model) => answer('timeframes', () => maker.timeframes(model)),
    multipliers: (asks, model) => answer('multipliers', () => maker.multipliers(asks, model)),
  })

  return {
    name: 'decision',
    async ready() {
      await coefficients.version(null)
      return { ok: true }
    },
    routes: (app) => serveApi(app, api, logger),
    stop: async () => undefined, // nothing is held
  }
}
