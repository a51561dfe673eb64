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
    path: '/v1/course',
    operationId: 'course',
    summary: 'How far each consumer was behind, over the last six hours',
    description: 'A sample every half minute since the page was started.',
    answers: {
      200: {
        description: 'Times, and for each consumer its records behind at each of them.',
        schema: {
          title: 'Course',
          type: 'object',
          required: ['at', 'lag'],
          properties: {
            at: { type: 'array', items: { type: 'string' } },
            lag: {
              type: 'object',
              additionalProperties: { type: 'array', items: { type: ['integer', 'null'] } },
            },
          },
        },
      },
    },
    refusals: [],
    invalid: 'USAGE',
    handle: async () => [200, loop.course()],
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
