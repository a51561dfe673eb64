/** What the page is made of, over HTTP: each answer is what the command of that name prints with --json. */
import type { Api } from '../core/api/operation.ts'
import { coefficientOperations } from './coefficients/api.ts'
import { logOperations } from './coefficients/log-api.ts'
import { deadLetterOperations } from './dead-letters/api.ts'
import type { PageDeps } from './deps.ts'
import { loopOperations } from './loop/api.ts'
import { modelOperations } from './models/api.ts'
import { sizingOperations } from './sizing/api.ts'
import { verdictOperations } from './verdict/api.ts'

export const pageApi = (deps: PageDeps): Api => ({
  title: 'Strandline: page',
  description:
    'What the loop does and what it has learned. Each answer is what the command of the same name prints with --json.\n\nBodies and answers are JSON. 503 means: ask again.',
  operations: [
    ...loopOperations(deps),
    ...coefficientOperations(deps),
    ...logOperations(deps),
    ...deadLetterOperations(deps),
    ...modelOperations(deps),
    ...sizingOperations(deps),
    ...verdictOperations(deps),
  ],
})
