/** What happens between one service and the database, or the broker; the others do not notice. */
import type { Way } from '../link.ts'
import type { Stage } from '../stage.ts'
import type { Fault } from './fault.ts'

type Side = 'database' | 'kafka'

const SIDES: Record<Side, string> = { database: 'the database', kafka: 'Kafka' }

function troubled(
  kind: string,
  side: Side,
  about: string,
  lasts: Fault['lasts'],
  begin: (link: Way, milliseconds: number) => void,
): Fault {
  const linkOf = (stage: Stage, target: string) => stage.member(target.split(' ')[0]!)[side]!
  return {
    kind: `${kind}_${side}`,
    about: about.replace('{}', SIDES[side]),
    targets: (stage) => stage.members.filter((m) => !m.spare && m[side]).map((m) => `${m.service.name} to ${side}`),
    lasts,
    begin: async (stage, target, dice) => begin(linkOf(stage, target), Math.round(dice.between(50, 400))),
    end: async (stage, target) => linkOf(stage, target).mend(),
  }
}

export const NETWORK_FAULTS: Fault[] = (['database', 'kafka'] as const).flatMap((side) => [
  troubled('cut', side, 'a service loses {}: connections end, new ones are refused', [500, 6_000], (link) =>
    link.cut(),
  ),
  troubled('slow', side, 'each packet between a service and {} takes 50 to 400 ms longer', [3_000, 8_000], (link, ms) =>
    link.slow(ms),
  ),
  troubled('lost_requests', side, 'half open: what a service asks of {} is swallowed', [2_000, 14_000], (link) =>
    link.mute('requests'),
  ),
  troubled(
    'lost_answers',
    side,
    'half open: {} does what a service asks, and its answers are swallowed',
    [2_000, 14_000],
    (link) => link.mute('answers'),
  ),
])
