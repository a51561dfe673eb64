/** The decision maker: sizes the next position with what is learned, over HTTP or as a library call. It only reads. */
import type { FastifyInstance } from 'fastify'
import { findStrandlineError, StrandlineError } from '../../core/errors.ts'
import { requestFault } from '../../core/request-faults.ts'
import type { Service, ServiceDeps } from '../../core/service.ts'
import { type CoefficientStore, createCoefficientStore } from '../../core/store/coefficient-store.ts'
import { isRequestsFault } from '../../core/store/store.ts'
import { type AllocationRequest, createDecisionMaker } from './decide.ts'
import { decisionMetrics } from './metrics.ts'

export { allocate, createDecisionMaker } from './decide.ts'

export async function startDecision(
  { store, logger, metrics }: ServiceDeps,
  coefficients: CoefficientStore = createCoefficientStore(store),
): Promise<Service> {
  const counted = decisionMetrics(metrics)
  const maker = createDecisionMaker(coefficients)

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

  return {
    name: 'decision',
    async ready() {
      await coefficients.version(null)
      return { ok: true }
    },
    routes(app) {
      app.register(async (scope: FastifyInstance) => {
        scope.setErrorHandler((error: Error & { statusCode?: number }, request, reply) => {
          const known = findStrandlineError(error)
          const status = known ? statusOf(known) : (error.statusCode ?? 500)
          if (status >= 500) logger.error({ err: error, url: request.url }, error.message)
          reply.status(status).send({
            error: {
              code: known?.code ?? (status < 500 ? 'USAGE' : 'INTERNAL'),
              message: status === 500 ? 'The request failed; the log says why.' : requestFault(error),
              todo: known?.todo,
            },
          })
        })
        scope.post('/v1/allocations', (request) =>
          answer('allocation', () => {
            const model = modelOf(request.query)
            const body = request.body as AllocationRequest
            return maker.allocate(model === undefined || body === null ? body : { ...body, model })
          }),
        )
        scope.get('/v1/timeframes', (request) => answer('timeframes', () => maker.timeframes(modelOf(request.query))))
      })
    },
    stop: async () => undefined, // nothing is held
  }
}

function statusOf(error: StrandlineError): number {
  if (error.code === 'USAGE' || isRequestsFault(error)) return 400
  return error.code === 'STORE_REJECTED' ? 500 : 503
}

/** `?model=NAME` */
function modelOf(query: unknown): string | undefined {
  const { model } = query as { model?: unknown }
  if (model === undefined || (typeof model === 'string' && model !== '')) return model
  throw new StrandlineError('USAGE', 'The parameter model is empty, or given twice.', {
    todo: 'Give ?model= the name of one model, or leave it out.',
  })
}
