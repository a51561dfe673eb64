/** The routes of an API, its document, and the page that is made of it. */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { type ErrorCode, findStrandlineError } from '../errors.ts'
import type { Logger } from '../logger.ts'
import { errorBody } from '../refusal.ts'
import { requestFault } from '../request-faults.ts'
import { isRequestsFault } from '../store/store.ts'
import { docsPage } from './docs-page.ts'
import { openApi } from './document.ts'
import type { Api, Operation, Parameter, Schema } from './operation.ts'
import type { Part } from './sentence.ts'
import { createAjv, createCheck } from './validator.ts'

const STATUS: Partial<Record<ErrorCode, number>> = {
  USAGE: 400,
  EXECUTION_INVALID: 400,
  TRADE_INVALID: 400,
  BARS_INVALID: 400,
  POSITION_INVALID: 422,
  POSITION_UNKNOWN: 404,
  EVENT_UNKNOWN: 404,
  EXECUTION_CONFLICT: 409,
  TRADE_CONFLICT: 409,
  READ_ONLY: 403,
  NOTHING_LEARNED: 404,
  LETTER_UNKNOWN: 404,
  MODEL_BEHIND: 409,
  LOG_CHECKPOINT_LOST: 409,
  MODEL_IN_USE: 409,
  MODEL_INVALID: 400,
  LOG_UNREACHABLE: 503,
  LOG_TOPIC_MISSING: 503,
  REGISTRY_UNREACHABLE: 503,
  STORE_UNREACHABLE: 503,
  STORE_SCHEMA: 503,
}

const PARTS: Record<string, Part> = { body: 'body', params: 'params', querystring: 'querystring', query: 'querystring' }

export function serveApi(app: FastifyInstance, api: Api, logger: Logger): void {
  app.register(async (scope) => {
    const ajv = createAjv()
    scope.setErrorHandler((error: Error & { statusCode?: number }, request, reply) =>
      answerError(error, request, reply, logger),
    )
    for (const operation of api.operations) addRoute(scope, operation, ajv)
    const document = openApi(api)
    const json = JSON.stringify(document)
    const page = docsPage(document)
    scope.get('/openapi.json', (_request, reply) => reply.type('application/json; charset=utf-8').send(json))
    scope.get('/docs', (_request, reply) => reply.headers(page.headers).send(page.html))
  })
}

function addRoute(scope: FastifyInstance, operation: Operation, ajv: ReturnType<typeof createAjv>): void {
  const { method, path, body, params = {}, query = {}, invalid, onInvalid, handle } = operation
  scope.route({
    method,
    url: path.replace(/\{(\w+)\}/g, ':$1'),
    schema: { ...(body ? { body } : {}), params: textsOf(params), querystring: textsOf(query) },
    validatorCompiler: ({ schema, httpPart }) => {
      const check = createCheck(ajv, invalid, PARTS[httpPart as string] as Part, schema as Schema)
      return (value: unknown) => {
        const checked = check(value)
        if ('error' in checked) onInvalid?.()
        return checked
      }
    },
    handler: async (request, reply) => {
      const [status, answer] = await handle({
        params: request.params as Record<string, string>,
        query: request.query as Record<string, string | undefined>,
        body: request.body,
      })
      return reply.code(status).send(answer)
    },
  })
}

const textsOf = (parameters: Record<string, Parameter>): Schema => ({
  type: 'object',
  additionalProperties: false,
  properties: Object.fromEntries(
    Object.entries(parameters).map(([name, { description, schema }]) => [
      name,
      { type: 'string', ...schema, description },
    ]),
  ),
})

/** {error: {code, message, todo}}: 4xx, the request must change; 503, send it again. */
function answerError(
  error: Error & { statusCode?: number },
  { url }: FastifyRequest,
  reply: FastifyReply,
  logger: Logger,
): FastifyReply {
  const known = findStrandlineError(error)
  const status = isRequestsFault(error) ? 400 : known ? (STATUS[known.code] ?? 500) : (error.statusCode ?? 500)
  if (status >= 500) logger.warn({ err: error, url }, `A request failed: ${error.message}`)
  if (known) return reply.code(status).send(errorBody(known.code, known.message, known.todo))
  if (status < 500) return reply.code(status).send(errorBody('USAGE', ...requestFault(error)))
  return reply.code(status).send(errorBody('INTERNAL', 'The request failed; the log says why.'))
}
