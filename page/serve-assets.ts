/** The routes of the page's files, and what a browser may do with them: run our scripts, ask us, and nothing else. */
import { createHash } from 'node:crypto'
import type { FastifyInstance } from 'fastify'
import type { Asset } from './assets.ts'

const headersOf = (scripts: string[]) => ({
  'content-security-policy': [
    "default-src 'none'",
    [
      "script-src 'self'",
      ...scripts.map((text) => `'sha256-${createHash('sha256').update(text).digest('base64')}'`),
    ].join(' '),
    "style-src 'self'",
    "img-src 'self' data:",
    "connect-src 'self'",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ].join('; '),
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'cache-control': 'no-cache', // asked after each time, and not sent again
})

/** Those that stand in the document itself: the policy allows them by their digest. */
export const scriptsIn = (document: string) =>
  [...document.matchAll(/<script type="module">(.*?)<\/script>/gs)].map(([, text]) => text as string)

export function serveAssets(app: FastifyInstance, assets: ReadonlyMap<string, Asset>): void {
  const headers = headersOf(scriptsIn(assets.get('/')!.body.toString()))
  for (const [path, { type, body, gzip, etag }] of assets)
    app.get(path, (request, reply) => {
      reply.headers({ ...headers, 'content-type': type, etag, vary: 'accept-encoding' })
      if (request.headers['if-none-match'] === etag) return reply.code(304).send()
      if (!/\bgzip\b/.test(request.headers['accept-encoding'] ?? '')) return reply.send(body)
      return reply.header('content-encoding', 'gzip').send(gzip)
    })
}
