/** The OpenAPI document of a service. Pure. */
import { HOST_OPERATIONS } from './host-operations.ts'
import type { Answer, Api, HostOperation, Operation, Parameter, Schema } from './operation.ts'

export const OPENAPI_VERSION = '3.1.0'
/** Of the interface, as its paths have it: /v1. */
const API_VERSION = '1'

export interface OpenApiDocument {
  openapi: string
  info: { title: string; version: string; description: string }
  servers: { url: string }[]
  security: Record<string, string[]>[]
  paths: Record<string, Record<string, DocumentedOperation>>
  components: { schemas: Record<string, Schema>; securitySchemes: Record<string, Schema> }
}

export interface DocumentedOperation {
  operationId: string
  summary: string
  description?: string
  security?: Record<string, string[]>[]
  parameters?: {
    name: string
    in: 'path' | 'query'
    required: boolean
    description: string
    schema: Schema
    example: string
  }[]
  requestBody?: { required: boolean; content: Record<string, { schema: Schema; examples?: Record<string, unknown> }> }
  responses: Record<string, { description: string; content: Record<string, { schema?: Schema; example?: unknown }> }>
}

const REFUSALS: Record<number, string> = {
  400: 'The request is none: not JSON, a field that there is not, a value that makes no sense.',
  401: 'STRANDLINE_TOKEN is set, and the token is missing or wrong.',
  403: 'The request comes from a page (Origin) that is not of this service.',
  404: 'There is no such thing.',
  409: 'It contradicts what is known; nothing was changed.',
  413: 'The body is larger than 1 MiB.',
  415: 'The body is not of the type application/json.',
  421: 'The Host is none of the service’s names.',
  422: 'What is described cannot be.',
  500: 'The request failed; the service’s log says why.',
  503: 'The database, or another engine, does not answer now: send the same again.',
}
/** Of every request, before it is read. */
const AT_THE_DOOR = [401, 403, 421]

const ERROR: Schema = {
  title: 'Refusal',
  description: 'The one shape of every refusal.',
  type: 'object',
  required: ['error'],
  additionalProperties: false,
  properties: {
    error: {
      type: 'object',
      required: ['code', 'message', 'todo'],
      additionalProperties: false,
      properties: {
        code: { type: 'string', description: 'Stable: for programs.', examples: ['EXECUTION_INVALID'] },
        message: { type: 'string', description: 'One sentence: what is wrong with what.' },
        todo: { type: ['string', 'null'], description: 'What to do about it; null where there is nothing.' },
      },
    },
  },
}

export function openApi({ title, description, operations }: Api): OpenApiDocument {
  const paths: OpenApiDocument['paths'] = {}
  const put = (path: string, method: string, operation: DocumentedOperation) => {
    paths[path] = { ...paths[path], [method.toLowerCase()]: operation }
  }
  for (const operation of operations) put(operation.path, operation.method, documented(operation))
  for (const operation of HOST_OPERATIONS) put(operation.path, operation.method, ofHost(operation))
  return {
    openapi: OPENAPI_VERSION,
    info: { title, version: API_VERSION, description },
    servers: [{ url: '/' }],
    security: [{ token: [] }],
    paths,
    components: {
      schemas: { Refusal: ERROR },
      securitySchemes: {
        token: { type: 'http', scheme: 'bearer', description: 'STRANDLINE_TOKEN, where the service has one.' },
      },
    },
  }
}

function documented(operation: Operation): DocumentedOperation {
  const { operationId, summary, description, params = {}, query = {}, body, examples, answers } = operation
  const statuses = [...new Set([400, ...operation.refusals, ...AT_THE_DOOR, ...(body ? [413, 415] : []), 500, 503])]
  return {
    operationId,
    summary,
    ...(description ? { description } : {}),
    parameters: [...parametersOf('path', params), ...parametersOf('query', query)],
    ...(body
      ? {
          requestBody: {
            required: true,
            content: { 'application/json': { schema: body, ...(examples ? { examples: { ...examples } } : {}) } },
          },
        }
      : {}),
    responses: {
      ...Object.fromEntries(Object.entries(answers).map(([status, answer]) => [status, answerOf(answer)])),
      ...Object.fromEntries(statuses.sort((a, b) => a - b).map((status) => [status, refusal(status)])),
    },
  }
}

const parametersOf = (place: 'path' | 'query', parameters: Record<string, Parameter>) =>
  Object.entries(parameters).map(([name, { description, schema = { type: 'string' }, example }]) => ({
    name,
    in: place,
    required: place === 'path',
    description,
    schema,
    example,
  }))

const answerOf = ({ description, schema, example }: Answer) => ({
  description,
  content: { 'application/json': { schema, ...(example === undefined ? {} : { example }) } },
})

const refusal = (status: number) => ({
  description: REFUSALS[status] as string,
  content: { 'application/json': { schema: { $ref: '#/components/schemas/Refusal' } } },
})

function ofHost({ operationId, summary, description, answers, open }: HostOperation): DocumentedOperation {
  return {
    operationId,
    summary,
    ...(description ? { description } : {}),
    ...(open ? { security: [] } : {}),
    responses: {
      ...Object.fromEntries(
        Object.entries(answers).map(([status, { description, mediaType }]) => [
          status,
          { description, content: { [mediaType]: {} } },
        ]),
      ),
      ...Object.fromEntries([...(open ? [] : [401]), 403, 421].map((status) => [status, refusal(status)])),
    },
  }
}
