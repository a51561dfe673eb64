/** All that a learner needs of a database, in memory. */
import { createMemoryCheckpoints } from '../../core/store/memory/checkpoints.ts'
import type { MemoryDatabase } from '../../core/store/memory/database.ts'
import { createMemoryModelVersions } from '../../core/store/memory/model-versions.ts'
import type { LearnerStores } from './index.ts'
import { createMemoryDeadLetters } from './memory-dead-letters.ts'
import { createMemoryLearner } from './memory-learner.ts'

/** @param sync commits wait for the disk */
export const createMemoryLearnerStores = (db: MemoryDatabase, topic: string, sync = true): LearnerStores => ({
  checkpoints: createMemoryCheckpoints(db),
  versions: createMemoryModelVersions(db),
  letters: createMemoryDeadLetters(db),
  learner: (model, version) => createMemoryLearner(db, model, version, topic, { sync }),
})
