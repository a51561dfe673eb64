/** Operations that change something: refused unless the page was started to operate. */
import type { Operation } from '../core/api/operation.ts'
import { StrandlineError } from '../core/errors.ts'

export const changing =
  (operate: boolean) =>
  (operation: Operation): Operation =>
    operate
      ? operation
      : {
          ...operation,
          async handle() {
            throw new StrandlineError('READ_ONLY', 'This page only reads.', {
              todo: 'Start it with --operate and a token (STRANDLINE_TOKEN, or --token-file) to change things from it.',
            })
          },
        }
