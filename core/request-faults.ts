/** What the HTTP library says about a request before any route sees it, as one sentence of ours and in our shape. */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { Logger } from 'pino'
import { isNestedTooDeep, MAX_NESTING } from './nesting.ts'
import { errorBody } from './refusal.ts'

type Thrown = Error & { code?: string; statusCode?: number }

const SENTENCES: Record<string, [message: string, todo: string]> = {
  // Valid JSON, too: a key that could reach an object's prototype is refused by the parser in the same words.
  FST_ERR_CTP_INVALID_JSON_BODY: [
    'The body is not JSON, or has a key __proto__ or constructor.prototype.',
    'Send one JSON object.',
  ],
  FST_ERR_CTP_EMPTY_JSON_BODY: ['The body is empty, and its content type promises JSON.', 'Send one JSON object.'],
  FST_ERR_CTP_BODY_TOO_LARGE: ['The body is larger than 1 MiB.', 'Send it in several requests.'],
  FST_ERR_BAD_URL: ['The path has a % that no byte of UTF-8 follows.', 'Encode it: % is %25.'],
}

/** One sentence about what is wrong with the request, and what to do. */
export const requestFault = (error: Thrown): [message: string, todo?: string] =>
  SENTENCES[error.code ?? ''] ?? [error.message]

/** For errors that no route has answered itself. */
export function answerFault(logger: Logger) {
  return (error: Thrown, request: FastifyRequest, reply: FastifyReply) => {
    const status = error.statusCode ?? 500
    if (status >= 500) logger.error({ err: error, url: request.url }, error.message)
    const failed = errorBody('INTERNAL', 'The request failed; the log says why.')
    return reply.code(status).send(status < 500 ? errorBody('REQUEST_REFUSED', ...requestFault(error)) : failed)
  }
}

export function answerUnknownPaths(app: FastifyInstance): void {
  app.setNotFoundHandler(({ method, url }, reply) =>
    reply
      .code(404)
      .send(
        errorBody(
          'REQUEST_REFUSED',
          `There is no ${method} ${url.split('?', 1)[0]?.slice(0, 80)} here.`,
          app.hasRoute({ method: 'GET', url: '/docs' }) ? 'GET /docs says what there is.' : null,
        ),
      ),
  )
}

/** Before any route walks through it. */
export function refuseDeepBodies(app: FastifyInstance): void {
  app.addHook('preValidation', async ({ body }) => {
    if (isNestedTooDeep(body))
      throw Object.assign(new Error(`The body is nested deeper than ${MAX_NESTING} levels.`), { statusCode: 400 })
  })
}
