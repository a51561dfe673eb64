/**
 * In some of the plans the last bars of some trades are stored only when they have closed, so that they close with a provisional score or none. Then both PMs start
 * again, which begins with a tick, while calls of the database go wrong; and somebody may correct such a trade at that moment.
 */
import { CALL_FAULTS } from './network.ts'
import type { Edit, Fault, PlannedTrade } from './planned.ts'
import type { Stream } from './streams.ts'

export interface LateBars {
  trades: PlannedTrade[]
  edits: Edit[]
  faults: Fault[]
}

/** Of the ways in which a call of the database can go wrong. */
const FAULTS = CALL_FAULTS.filter((fault) => fault !== 'half')

/** @param others what happens in the plan besides */
export function withLateBars(
  chance: Stream,
  trades: PlannedTrade[],
  others: { edits: readonly Edit[]; faults: readonly Fault[] },
): LateBars {
  if (!chance.chance(0.3)) return { trades, edits: [], faults: [] }
  const at = chance.between(12_000, 36_000)
  const restored = others.faults.some((f) => f.kind === 'database-restored')
  const made = trades.map((trade) =>
    chance.chance(0.6) && mayBeLate(trade, restored) ? late(chance, trade, at) : trade,
  )
  const edited = new Set(others.edits.flatMap((e) => ('trade' in e ? [e.trade % trades.length] : [])))
  const free = made.flatMap((trade, n) => (trade.late_bars && !edited.has(n) ? [n] : []))
  const corrected = chance.shuffled(free).slice(0, chance.between(0, 3))
  return {
    trades: made,
    edits: corrected.map((trade) => ({
      at: at + chance.between(-500, 4_000),
      partition: null,
      kind: 'desk',
      trade,
      rr: chance.chance(0.3) ? null : Math.round(chance.next() * 2_000 - 1_000) / 100,
    })),
    faults: [
      ...['pm-1', 'pm-2'].map(
        (process): Fault => ({
          at: at + chance.between(0, 1_500),
          ms: chance.between(100, 1_000),
          kind: 'kill',
          process,
        }),
      ),
      {
        at: at + chance.between(0, 500),
        ms: chance.between(3_000, 8_000),
        kind: 'calls',
        engine: 'database',
        fault: chance.pick(FAULTS),
        rate: 0.1 + 0.3 * chance.next(),
        seed: chance.between(0, 1e9),
      },
    ],
  }
}

/**
 * Of a database that is put back a tick's close is lost, and is in the log: where bars come before the next one, that has another score under the same revision, which is
 * not promised to count (docs/exactly-once.md).
 */
function mayBeLate({ bars, bars_at, executions }: PlannedTrade, restored: boolean): boolean {
  const { kind, size_frac } = executions.at(-1)!
  const byTick = kind === 'trim' && size_frac === null
  return bars.length > 0 && bars_at !== null && !(restored && byTick)
}

const MINUTE = 60_000

/** Its last bars, or all of them, come late; or the last never come, as nobody traded then, but one behind the trade does. */
function late(chance: Stream, trade: PlannedTrade, at: number): PlannedTrade {
  const from = chance.between(0, trade.bars.length - 1)
  const last = trade.bars.at(-1)!
  const behind = { start: last.start + 2 * MINUTE, low: last.low / 2, high: last.high * 2 }
  const bars = from > 0 && chance.chance(0.25) ? [...trade.bars.slice(0, from), behind] : trade.bars
  return { ...trade, bars_at: 0, bars, late_bars: { from, at } }
}
