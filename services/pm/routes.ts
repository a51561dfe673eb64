import type { FastifyInstance, FastifyReply } from 'fastify'
import { type ErrorCode, explain, findStrandlineError, StrandlineError } from '../../core/errors.ts'
import { isRequestsFault } from '../../core/store/store.ts'
import { checkPositionId } from '../../domain/context.ts'
import { openPosition } from './open-position.ts'
import type { Portfolio } from './portfolio.ts'
import { reportExecution } from './report-execution.ts'

const STATUS: Partial<Record<ErrorCode, number>> = {
  USAGE: 400,
  EXECUTION_INVALID: 400,
  POSITION_INVALID: 422,
  POSITION_UNKNOWN: 404,
  EXECUTION_CONFLICT: 409,
  STORE_UNREACHABLE: 503,
}

/**
 * The PM's HTTP side. Bodies and answers are JSON.
 *   POST /v1/positions                 opens a position: 201, or 200 when it exists
 *   GET  /v1/positions/:id             its row
 *   POST /v1/positions/:id/executions  reports an execution: 201, or 200 when its id was reported before
 * A refusal is {error: {code, message, todo}} with 4xx; 503 means: send it again.
 */
export function pmRoutes(app: FastifyInstance, pm: Portfolio): void {
  app.post('/v1/positions', (request, reply) =>
    answered(reply, async () => {
      const opened = await openPosition(pm, request.body)
      reply.code(opened.status === 'opened' ? 201 : 200)
      return opened
    }),
  )

  app.get<{ Params: { id: string } }>('/v1/positions/:id', (request, reply) =>
    answered(reply, async () => {
      const wrong = checkPositionId(request.params.id)
      if (wrong) throw new StrandlineError('USAGE', `The position's id ${wrong}.`)
      const data = await pm.positions.read(request.params.id)
      if (!data)
        return reply
          .code(404)
          .send({ error: { code: 'POSITION_UNKNOWN', message: `There is no position ${request.params.id}.` } })
      return data
    }),
  )

  app.post<{ Params: { id: string } }>('/v1/positions/:id/executions', (request, reply) =>
    answered(reply, async () => {
      const result = await reportExecution(pm, request.params.id, request.body)
      reply.code(result.status === 'recorded' ? 201 : 200)
      return result
    }),
  )

  async function answered(reply: FastifyReply, work: () => Promise<unknown>): Promise<unknown> {
    try {
      return await work()
    } catch (error) {
      const known = findStrandlineError(error)
      const status = isRequestsFault(error) ? 400 : ((known && STATUS[known.code]) ?? 500)
      if (status >= 500) pm.logger.warn({ err: error }, `A request failed: ${explain(error)}`)
      return reply.code(status).send({ error: { code: known?.code ?? 'INTERNAL', message: explain(error) } })
    }
  }
}
