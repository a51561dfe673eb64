/** What happens to the services' own processes. */
import type { Stage } from '../stage.ts'
import { type Fault, names } from './fault.ts'

type Kind = Parameters<Stage['of']>[0]

const killed = (kind: Kind): Fault => ({
  kind: `kill_${kind}`,
  about: `SIGKILL of ${kind === 'pm' || kind === 'learner' || kind === 'projector' ? 'a' : 'the'} ${TITLES[kind]}`,
  targets: (stage) => names(stage, kind),
  lasts: [200, 4_000],
  begin: (stage, target) => stage.member(target).service.kill(),
  end: async (stage, target) => stage.member(target).service.up(),
})

const frozen = (kind: Kind, lasts: Fault['lasts'], past = '', name = `freeze_${kind}`): Fault => ({
  kind: name,
  about: `SIGSTOP of ${kind === 'endpoint' || kind === 'registry' ? 'the' : 'a'} ${TITLES[kind]}${past}, then SIGCONT`,
  targets: (stage) => names(stage, kind),
  lasts,
  begin: async (stage, target) => stage.member(target).service.pause(),
  end: async (stage, target) => stage.member(target).service.resume(),
})

const TITLES: Record<Kind, string> = {
  pm: 'PM',
  learner: 'learner',
  projector: 'projector',
  endpoint: 'Supabase endpoint',
  registry: 'schema registry',
}

/** A session of the group is 10 s, a lease of the outbox 30 s. */
export const PROCESS_FAULTS: Fault[] = [
  killed('pm'),
  killed('learner'),
  killed('projector'),
  killed('endpoint'),
  killed('registry'),
  frozen('pm', [3_000, 12_000]),
  frozen('pm', [31_000, 36_000], ' past its lease of the outbox', 'freeze_pm_past_lease'),
  frozen('learner', [11_000, 16_000], ' past its session'),
  frozen('projector', [11_000, 16_000], ' past its session'),
  frozen('endpoint', [3_000, 16_000]),
  frozen('registry', [3_000, 16_000]),
  {
    kind: 'learner_leaves',
    about: 'SIGTERM of a learner: the others take its partitions, and later give them back',
    targets: (stage) => names(stage, 'learner'),
    lasts: [1_000, 5_000],
    begin: (stage, target) => stage.member(target).service.leave(),
    end: async (stage, target) => stage.member(target).service.up(),
  },
  {
    kind: 'learner_joins',
    about: 'a fourth learner joins the group, and leaves it again',
    targets: () => ['learner-4'],
    lasts: [6_000, 12_000],
    begin: async (stage, target) => stage.member(target).service.up(),
    end: (stage, target) => stage.member(target).service.leave(),
  },
]
