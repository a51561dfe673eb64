/** What happens to the topic and to the groups that read it. */
import { setTimeout as sleep } from 'node:timers/promises'
import { loadModel } from '../../core/load-model.ts'
import { groupOf, learnerConsumer, PROJECTOR_CONSUMER } from '../../core/runner/consumer-names.ts'
import { DEAD_LETTERS, type Stage, TOPIC } from '../stage.ts'
import type { Fault } from './fault.ts'

const MOST_PARTITIONS = 16
/** A broker that was killed may take its time, and a group waits for the sessions of its dead. */
const PATIENCE_MS = 180_000
const { definition, hash } = loadModel('lowcap-v4')
const GROUPS = {
  learner: groupOf(learnerConsumer({ model: definition.name, hash, build: 1 })),
  projector: groupOf(PROJECTOR_CONSUMER),
} as const

/** An operator stops all members of a group, sets its offsets, and starts them again: the broker refuses it otherwise. */
function moved(kind: keyof typeof GROUPS, way: 'back' | 'ahead'): Fault {
  const groupId = GROUPS[kind]
  return {
    kind: `${kind}_offsets_${way}`,
    about:
      way === 'back'
        ? `${kind}s stopped, their group's offsets set back, started again`
        : `${kind}s stopped, their group's offsets set to the end of the log, started again`,
    targets: () => [`all ${kind}s`],
    holds: (stage) => stage.members.filter((m) => m.kind === kind).map((m) => m.service.name),
    lasts: [500, 3_000],
    async begin(stage, _target, dice) {
      await Promise.all(stage.of(kind).map((m) => m.service.leave()))
      const share = dice.next()
      await untilDone(async () => {
        await stage.admin(async (admin) => {
          const ends = await admin.fetchTopicOffsets(TOPIC)
          const partitions = ends.map(({ partition, high }) => ({
            partition,
            offset: way === 'ahead' ? high : String(Math.floor(Number(high) * share)),
          }))
          await admin.setOffsets({ groupId, topic: TOPIC, partitions })
        })
      })
    },
    async end(stage) {
      for (const { service } of stage.of(kind)) service.up()
    },
  }
}

/** The broker is away, or the group not empty yet. */
async function untilDone(work: () => Promise<void>): Promise<void> {
  for (const until = Date.now() + PATIENCE_MS; ; await sleep(500)) {
    try {
      return await work()
    } catch (error) {
      if (Date.now() > until) throw error
    }
  }
}

async function grow(stage: Stage, topic: string): Promise<void> {
  await stage.admin(async (admin) => {
    const { topics } = await admin.fetchTopicMetadata({ topics: [topic] })
    const count = topics[0]!.partitions.length
    if (count < MOST_PARTITIONS) await admin.createPartitions({ topicPartitions: [{ topic, count: count + 1 }] })
  })
}

export const LOG_FAULTS: Fault[] = [
  {
    kind: 'topic_grows',
    about: `one more partition of the topic, while all of them produce and consume (up to ${MOST_PARTITIONS})`,
    targets: () => ['topic'],
    lasts: [0, 0],
    begin: (stage) => untilDone(() => grow(stage, TOPIC)),
    end: async () => {},
  },
  {
    kind: 'dead_letter_topic_grows',
    about: `one more partition of the dead-letter topic (up to ${MOST_PARTITIONS})`,
    targets: () => ['dead-letter topic'],
    lasts: [0, 0],
    begin: (stage) => untilDone(() => grow(stage, DEAD_LETTERS)),
    end: async () => {},
  },
  moved('learner', 'back'),
  moved('learner', 'ahead'),
  moved('projector', 'back'),
  moved('projector', 'ahead'),
]
