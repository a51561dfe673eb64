/** Operations that change something: refused unless the page was started to operate. */
import type { Asked, Operation } from '../core/api/operation.ts'
import { StrandlineError } from '../core/errors.ts'

/** @param onlyLooks of one that may be asked for a preview: whether it is asked for no more */
export const changing =
  (operate: boolean, onlyLooks: (asked: Asked) => boolean = () => false) =>
  (operation: Operation): Operation =>
    operate
      ? operation
      : {
          ...operation,
          async handle(asked) {
            if (onlyLooks(asked)) return operation.handle(asked)
            throw new StrandlineError('READ_ONLY', 'This page only reads.', {
              todo: 'Start it with --operate and a token (STRANDLINE_TOKEN, or --token-file) to change things from it.',
            })
          },
        }
