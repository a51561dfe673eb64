/** Windows that chance alone opens too seldom: a few things that happen in one order, in some of the plans. */
import type { Edit, Fault } from './planned.ts'
import { mixed, type Stream } from './streams.ts'

export interface Scenario {
  edits: Edit[]
  faults: Fault[]
}

interface Surroundings {
  chance: Stream
  trades: number
  partitions: number
}

/** Higher than that of any other edit. */
const FIRST_REVISION = 100

export function scenariosOf(chance: Stream, trades: number, partitions: number): Scenario {
  const of = { chance, trades, partitions }
  const made = [
    ...(chance.chance(0.12) ? [rivals(of)] : []),
    ...(chance.chance(0.12) ? [sameVersion(of)] : []),
    ...(chance.chance(0.2) ? [repricing(of)] : []),
  ]
  return { edits: made.flatMap((s) => s.edits), faults: made.flatMap((s) => s.faults) }
}

const tradeOf = ({ chance, trades }: Surroundings) => chance.between(0, trades - 1)
const when = ({ chance }: Surroundings) => chance.between(20_000, 50_000)

function correction(
  { chance }: Surroundings,
  edit: { at: number; partition: number | null; trade: number; revision: number },
): Extract<Edit, { kind: 'correction' }> {
  return { ...edit, kind: 'correction', rr: Math.round(chance.next() * 2_000 - 1_000) / 100, later: 0, curator: null }
}

/** The score of a trade is withdrawn, so that it is in no sum; then two others give it one at the same moment, through two partitions. */
function rivals(of: Surroundings): Scenario {
  const [at, trade] = [when(of), tradeOf(of)]
  const first = of.chance.between(0, 7)
  return {
    faults: [],
    edits: [
      { ...correction(of, { at: at - 8_000, partition: null, trade, revision: FIRST_REVISION }), rr: null },
      correction(of, { at, partition: first, trade, revision: FIRST_REVISION + 1 }),
      correction(of, { at, partition: first + 1, trade, revision: FIRST_REVISION + 2 }),
    ],
  }
}

/**
 * The database loses the commit of one trade; a correction through another partition takes a second trade out of the same sums, and so counts them up to the
 * version that the holder knows; then a third one comes to it.
 */
function sameVersion(of: Surroundings): Scenario {
  const { chance, trades, partitions } = of
  const at = when(of)
  const numbers = Array.from({ length: trades }, (_, n) => n)
  const lost = tradeOf(of)
  const home = (n: number) => mixed(`p-${n}`) % partitions
  const others = chance.shuffled(numbers.filter((n) => n !== lost && home(n) === home(lost)))
  const [taken, third] = others
  if (taken === undefined || third === undefined || partitions === 1) return { edits: [], faults: [] }
  const own = home(lost)
  return {
    faults: [{ at, ms: 50, kind: 'database-crash' }],
    edits: [
      correction(of, { at: at - chance.between(60, 200), partition: own, trade: lost, revision: FIRST_REVISION + 3 }),
      correction(of, { at: at + 200, partition: own + 1, trade: taken, revision: FIRST_REVISION + 4 }),
      correction(of, {
        at: at + chance.between(400, 1_500),
        partition: own,
        trade: third,
        revision: FIRST_REVISION + 5,
      }),
    ],
  }
}

/** Somebody corrects the entry price of a position, again and again, while its trade runs and is closed. */
function repricing(of: Surroundings): Scenario {
  const { chance } = of
  const edit: Edit = {
    at: chance.between(0, 10_000), // after its trade begins
    partition: null,
    kind: 'repricing',
    trade: tradeOf(of),
    times: chance.between(10, 40),
    every: chance.between(30, 400),
  }
  return { edits: [edit], faults: [] }
}
