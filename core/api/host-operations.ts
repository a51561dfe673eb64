/** What every service answers, whatever it does. */
import type { HostOperation } from './operation.ts'

const JSON_TYPE = 'application/json'

export const HOST_OPERATIONS: HostOperation[] = [
  {
    method: 'GET',
    path: '/healthz',
    operationId: 'health',
    summary: 'Is the process well?',
    answers: {
      200: { description: 'Its loops move.', mediaType: JSON_TYPE },
      503: { description: 'One of them does not; the process ends soon.', mediaType: JSON_TYPE },
    },
    open: true,
  },
  {
    method: 'GET',
    path: '/readyz',
    operationId: 'ready',
    summary: 'Can the service do its job now?',
    answers: {
      200: { description: 'It can.', mediaType: JSON_TYPE },
      503: { description: 'It cannot; `reason` says why.', mediaType: JSON_TYPE },
    },
    open: false,
  },
  {
    method: 'GET',
    path: '/metrics',
    operationId: 'metrics',
    summary: 'What the service counts, as Prometheus reads it',
    answers: { 200: { description: 'Metrics.', mediaType: 'text/plain' } },
    open: false,
  },
  {
    method: 'GET',
    path: '/openapi.json',
    operationId: 'openapi',
    summary: 'This document',
    answers: { 200: { description: 'OpenAPI 3.1.', mediaType: JSON_TYPE } },
    open: true,
  },
  {
    method: 'GET',
    path: '/docs',
    operationId: 'docs',
    summary: 'This document, for people',
    answers: { 200: { description: 'A page without scripts.', mediaType: 'text/html' } },
    open: true,
  },
]
