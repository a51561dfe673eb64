/** Under which names consumers keep their checkpoints in the database, and read the topic at the broker. A learner's are those of its model version. */
export const PROJECTOR_CONSUMER = 'projector'

export interface LearnerName {
  model: string
  /** Of the model's definition, whole. */
  hash: string
  /** 1: the first over its log. */
  build: number
}

/** What tells a version from others of its model: the beginning of its hash, and its build. */
export const shortHash = ({ hash, build }: Omit<LearnerName, 'model'>): string =>
  build > 1 ? `${hash.slice(0, 12)}.r${build}` : hash.slice(0, 12)

/** Checkpoints of a model version that has sums of its own: learner/lowcap-v4/0123456789ab, learner/lowcap-v4/0123456789ab.r2. As `strandline.learner_consumer` has it. */
export const learnerConsumer = (version: LearnerName): string => `learner/${version.model}/${shortHash(version)}`

const LEARNER = /^learner\/(.+)\/([0-9a-f]+(?:\.r\d+)?)$/

export const isLearner = (consumer: string): boolean => LEARNER.test(consumer)

/** The Kafka group of a consumer: strandline-learner-lowcap-v4-0123456789ab, strandline-projector. */
export const groupOf = (consumer: string): string => `strandline-${consumer.replace(LEARNER, 'learner-$1-$2')}`
