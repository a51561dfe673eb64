/** The loop, and what this page may do. */
import type { Operation } from '../../core/api/operation.ts'
import type { PageDeps } from '../deps.ts'

export const loopOperations = ({ loop, operate }: PageDeps): Operation[] => [
  {
    method: 'GET',
    path: '/v1/loop',
    operationId: 'loop',
    summary: 'The way of a trade from close to coefficient, now',
    description: 'The same as /v1/live sends each second, as server-sent events.',
    answers: {
      200: {
        description: 'Outbox, log, consumers, latency, what is wrong, the newest trades, and the last audit.',
        schema: { title: 'Loop', type: 'object' },
      },
    },
    refusals: [],
    invalid: 'USAGE',
    handle: async () => [200, loop.state()],
  },
  {
    method: 'GET',
    path: '/v1/page',
    operationId: 'page',
    summary: 'What this page may do',
    answers: {
      200: {
        description: 'Whether it may change things.',
        schema: { title: 'Page', type: 'object', required: ['operate'], properties: { operate: { type: 'boolean' } } },
      },
    },
    refusals: [],
    invalid: 'USAGE',
    handle: async () => [200, { operate }],
  },
]
