/** What a service answers, checked against what its OpenAPI document says of that. */
import type { DocumentedOperation, OpenApiDocument } from '../../core/api/document.ts'
import { createAjv } from '../../core/api/validator.ts'

export interface Documented {
  path: string
  /** In capitals. */
  method: string
  operation: DocumentedOperation
}

export const operationsOf = (document: OpenApiDocument): Documented[] =>
  Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({ path, method: method.toUpperCase(), operation })),
  )

/** The path, with the document's examples in the place of its parameters. */
export const targetOf = ({ path, operation }: Documented): string =>
  path.replace(/\{(\w+)\}/g, (_, name) =>
    encodeURIComponent(operation.parameters!.find((p) => p.in === 'path' && p.name === name)!.example),
  )

/** Whether an answer is what the document says of its status; the errors where it is not. */
export function judgeAnswer(
  document: OpenApiDocument,
  operation: DocumentedOperation,
  { status, body }: { status: number; body: unknown },
): unknown {
  const content = operation.responses[status]?.content['application/json']
  if (!content?.schema) return `the document has no answer ${status}`
  const ajv = createAjv()
  for (const [id, schema] of Object.entries(document.components.schemas)) ajv.addSchema(schema, id)
  const schema = JSON.parse(JSON.stringify(content.schema).replaceAll('#/components/schemas/', ''))
  const validate = ajv.compile(schema)
  return validate(body) || validate.errors!.map(({ instancePath, message }) => `${instancePath} ${message}`)
}
