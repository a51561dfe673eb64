/** What happens to the clock of one service; those of the database and of the broker stay right. */
import { findFaketime } from '../clock.ts'
import type { Stage } from '../stage.ts'
import { type Fault, names } from './fault.ts'

const MINUTE_S = 60
const READY_MS = 30_000
const AHEAD_MINUTES = [2, 90] as const

const missing = () =>
  findFaketime() ? undefined : 'it takes libfaketime, which is not installed (Debian: apt-get install faketime)'

const KINDS = ['pm', 'learner', 'projector'] as const

async function restart(stage: Stage, target: string, secondsAhead: number | undefined): Promise<void> {
  const { service } = stage.member(target)
  await service.kill()
  service.setClock(secondsAhead)
  service.up()
}

export const CLOCK_FAULTS: Fault[] = [
  ...KINDS.map(
    (kind): Fault => ({
      kind: `clock_ahead_${kind}`,
      about: `a ${kind === 'pm' ? 'PM' : kind} killed, and started with a clock that is 2 to 90 minutes ahead`,
      missing,
      targets: (stage) => names(stage, kind),
      lasts: [8_000, 20_000],
      begin: (stage, target, dice) => restart(stage, target, Math.round(dice.between(...AHEAD_MINUTES) * MINUTE_S)),
      end: (stage, target) => restart(stage, target, undefined),
    }),
  ),
  {
    kind: 'clock_jumps',
    about: 'the clock of a running PM, learner or projector jumps 2 to 90 minutes ahead, and back',
    missing,
    targets: (stage) => names(stage, ...KINDS),
    lasts: [5_000, 15_000],
    async begin(stage, target, dice) {
      await restart(stage, target, 0)
      const { service } = stage.member(target)
      await service.ready(AbortSignal.timeout(READY_MS)).catch(() => {}) // something else may be away: its clock jumps all the same
      service.setClock(Math.round(dice.between(...AHEAD_MINUTES) * MINUTE_S))
    },
    end: async (stage, target) => stage.member(target).service.setClock(0),
  },
]
