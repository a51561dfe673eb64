/** The document for people: one page without scripts, made of it alone, so that it says what the document says and needs nothing from elsewhere. Pure. */
import { createHash } from 'node:crypto'
import { curl } from './curl.ts'
import type { DocumentedOperation, OpenApiDocument } from './document.ts'
import type { Schema } from './operation.ts'

const STYLE = `
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; color: #1b1f24; background: #fff }
h2 { margin-top: 3rem; border-top: 1px solid #d0d7de; padding-top: 1rem }
code, pre { font: 14px/1.45 ui-monospace, monospace; background: #f3f5f7; border-radius: 4px }
code { padding: 0 .25em } pre { padding: .75rem; overflow-x: auto } pre code { padding: 0 }
table { border-collapse: collapse; width: 100% } th, td { text-align: left; vertical-align: top; padding: .3rem .6rem; border-bottom: 1px solid #d0d7de }
.method { color: #0a5c36 }
@media (prefers-color-scheme: dark) { body { color: #e6edf3; background: #0d1117 } code, pre { background: #161b22 } th, td, h2 { border-color: #30363d } .method { color: #56d364 } }
`
const STYLE_HASH = createHash('sha256').update(STYLE).digest('base64')

export interface Page {
  html: string
  headers: Record<string, string>
}

export function docsPage(document: OpenApiDocument): Page {
  const operations = Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({ path, method: method.toUpperCase(), operation })),
  )
  const { title, description } = document.info
  const html = `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>${text(title)}</title><style>${STYLE}</style></head><body>
<h1>${text(title)}</h1>
${paragraphs(description)}
<p>The same for programs: <a href="/openapi.json">/openapi.json</a>.</p>
<ul>${operations.map(({ path, method, operation }) => `<li><a href="#${text(operation.operationId)}"><code>${method} ${text(path)}</code></a> ${text(operation.summary)}</li>`).join('\n')}</ul>
${operations.map(({ path, method, operation }) => section(path, method, operation)).join('\n')}
<h2>Refusals</h2>
${paragraphs(String(document.components.schemas.Refusal?.description))}
${fields(document.components.schemas.Refusal as Schema)}
</body></html>
`
  return {
    html,
    headers: {
      'content-type': 'text/html; charset=utf-8',
      'content-security-policy': `default-src 'none'; style-src 'sha256-${STYLE_HASH}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'`,
      'x-content-type-options': 'nosniff',
      'referrer-policy': 'no-referrer',
      'cache-control': 'no-cache',
    },
  }
}

function section(path: string, method: string, operation: DocumentedOperation): string {
  const { operationId, summary, description, parameters = [], requestBody, responses } = operation
  const { schema, examples = {} } = requestBody?.content['application/json'] ?? {}
  const parts = [
    `<h2 id="${text(operationId)}"><code><span class="method">${method}</span> ${text(path)}</code></h2>`,
    `<p><strong>${text(summary)}</strong></p>`,
    description ? paragraphs(description) : '',
    parameters.length > 0
      ? table(
          ['parameter', 'in', ''],
          parameters.map((p) => [code(p.name), text(p.in), text(p.description)]),
        )
      : '',
    schema ? fields(schema) : '',
    ...Object.values(examples as Record<string, { summary: string; value: unknown }>).map(
      ({ summary, value }) => `<p>${text(summary)}:</p>${pre(curl(method, path, parameters, value))}`,
    ),
    schema ? '' : pre(curl(method, path, parameters)),
    table(
      ['status', ''],
      Object.entries(responses).map(([status, { description }]) => [code(status), text(description)]),
    ),
    ...Object.entries(responses).flatMap(([status, { content }]) =>
      Object.values(content).flatMap(({ example }) =>
        example === undefined ? [] : [`<p>${status}, for example:</p>${pre(JSON.stringify(example, null, 2))}`],
      ),
    ),
  ]
  return parts.filter(Boolean).join('\n')
}

/** The fields of an object, and of those in it. */
function fields(schema: Schema): string {
  const rows = rowsOf(schema, '')
  return rows.length === 0 ? '' : table(['field', 'type', '', ''], rows)
}

function rowsOf(schema: Schema, prefix: string): string[][] {
  const { properties = {}, required = [] } = schema as { properties?: Record<string, Schema>; required?: string[] }
  return Object.entries(properties).flatMap(([name, of]) => [
    [
      code(prefix + name),
      text(typeOf(of)),
      required.includes(name) ? 'required' : '',
      text(String(of.description ?? '')),
    ],
    ...rowsOf(of, `${prefix}${name}.`),
  ])
}

function typeOf({ type, enum: words, items }: Schema): string {
  if (Array.isArray(words)) return words.map((word) => JSON.stringify(word)).join(' | ')
  if (type === 'array') return `list of ${typeOf((items ?? {}) as Schema)}`
  return [type].flat().join(' or ')
}

const table = (heads: string[], rows: string[][]) =>
  `<table><tr>${heads.map((head) => `<th>${text(head)}</th>`).join('')}</tr>
${rows.map((cells) => `<tr>${cells.map((cell) => `<td>${cell}</td>`).join('')}</tr>`).join('\n')}</table>`

const pre = (of: string) => `<pre><code>${text(of)}</code></pre>`
const code = (of: string) => `<code>${text(of)}</code>`
const paragraphs = (of: string) =>
  of
    .split('\n\n')
    .map((part) => `<p>${text(part)}</p>`)
    .join('\n')
const text = (of: string) =>
  of.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;')
