/** The routes of the page's files, and what a browser may do with them: run our scripts, ask us, and nothing else. */
import type { FastifyInstance } from 'fastify'
import type { Asset } from './assets.ts'

const HEADERS = {
  'content-security-policy': [
    "default-src 'none'",
    "script-src 'self'",
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
}

export function serveAssets(app: FastifyInstance, assets: ReadonlyMap<string, Asset>): void {
  for (const [path, { type, body, gzip, etag }] of assets)
    app.get(path, (request, reply) => {
      reply.headers({ ...HEADERS, 'content-type': type, etag, vary: 'accept-encoding' })
      if (request.headers['if-none-match'] === etag) return reply.code(304).send()
      if (!/\bgzip\b/.test(request.headers['accept-encoding'] ?? '')) return reply.send(body)
      return reply.header('content-encoding', 'gzip').send(gzip)
    })
}
