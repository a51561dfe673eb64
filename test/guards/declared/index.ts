import type { Guard } from '../guard.ts'
import { ENGINES } from './engines.ts'
import { FENCE } from './fence.ts'
import { LEARNING } from './learner.ts'
import { PUBLISHING } from './publishing.ts'
import { READING } from './reading.ts'

/** In the order of the table. */
export const GUARDS: Guard[] = [...PUBLISHING, ...READING, ...FENCE, ...LEARNING, ...ENGINES]
