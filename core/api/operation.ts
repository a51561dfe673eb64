/** What a service can be asked over HTTP, said once: the routes, what they refuse, and the OpenAPI document are made of it. */
import type { ErrorCode } from '../errors.ts'

/** JSON Schema 2020-12, which is what OpenAPI 3.1 speaks. A `title` is the name that a refusal calls the value by ("The execution's price is 0."). */
export type Schema = Record<string, unknown>

/** One of a path or a query: always a text. */
export interface Parameter {
  /** Begins as "What to give" does: a refusal ends with it. */
  description: string
  /** Default: any text. */
  schema?: Schema
  example: string
}

export interface Example {
  summary: string
  value: unknown
}

export interface Answer {
  description: string
  schema: Schema
  /** As a whole, or in part where it is long. */
  example?: unknown
}

/** A request whose path, query and body are what the operation says. */
export interface Asked {
  params: Record<string, string>
  query: Record<string, string | undefined>
  body: unknown
}

export interface Operation {
  method: 'GET' | 'POST'
  /** As OpenAPI writes it: /v1/positions/{id} */
  path: string
  /** For those who make clients of the document. */
  operationId: string
  summary: string
  description?: string
  params?: Record<string, Parameter>
  /** Each may be left out. */
  query?: Record<string, Parameter>
  body?: Schema
  /** Of the body: each is accepted as it is (test/api/). */
  examples?: Record<string, Example>
  answers: Record<number, Answer>
  /** Statuses of its refusals, beside what every request can be refused for. */
  refusals: number[]
  /** Of a request that is none. */
  invalid: ErrorCode
  /** Called for each of those. */
  onInvalid?(): void
  handle(asked: Asked): Promise<[status: number, body: unknown]>
}

/** One that the host serves, or that has no answer in JSON: only to be read about. */
export interface HostOperation extends Pick<Operation, 'path' | 'operationId' | 'summary' | 'description'> {
  method: 'GET'
  answers: Record<number, { description: string; mediaType: string }>
  /** It needs no token. */
  open: boolean
}

export interface Api {
  title: string
  description: string
  operations: Operation[]
}
