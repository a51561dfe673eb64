/** Under which name a consumer that is one keeps its checkpoints in the database. A learner's is that of its model version. */
export const PROJECTOR_CONSUMER = 'projector'
