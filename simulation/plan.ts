/** What happens in one schedule, made of a seed: trades, what others write, and faults. */
import { withLateBars } from './late-bars.ts'
import { CALL_FAULTS } from './network.ts'
import {
  type Edit,
  type Fault,
  type Plan,
  type PlannedBar,
  type PlannedExecution,
  type PlannedTrade,
  POISON,
  type Poison,
} from './planned.ts'
import { postsOf } from './posts.ts'
import { scenariosOf } from './scenarios.ts'
import { createStream, type Stream } from './streams.ts'

export const PROCESSES = ['pm-1', 'pm-2', 'learner-1', 'learner-2', 'projector-1', 'projector-2'] as const
/** Faults come in this time, ms; then everything heals. */
export const FAULTY_MS = 45_000
const MINUTE = 60_000
const DAY = 24 * 60 * MINUTE

export function planOf(seed: number, begin: number): Plan {
  const trades = tradesOf(createStream(seed, 'trades'), begin)
  const partitions = createStream(seed, 'partitions').between(1, 4)
  const scenarios = scenariosOf(createStream(seed, 'scenarios'), trades.length, partitions)
  const edits = [...editsOf(createStream(seed, 'edits'), trades.length), ...scenarios.edits]
  const faults = [...faultsOf(createStream(seed, 'faults'), trades.length), ...scenarios.faults]
  const late = withLateBars(createStream(seed, 'late-bars'), trades, { edits, faults })
  return {
    seed,
    partitions,
    clocks: clocksOf(createStream(seed, 'clocks')),
    trades: late.trades,
    posts: postsOf(createStream(seed, 'posts'), (name) => wholeTrade(createStream(seed, name), begin, name)),
    edits: [...edits, ...late.edits],
    faults: [...faults, ...late.faults],
  }
}

function clocksOf(chance: Stream): Record<string, number> {
  const skewed = chance.chance(0.2)
  const skew = () => (skewed ? chance.between(-3 * MINUTE, 3 * MINUTE) : chance.between(-200, 200))
  const clocks = Object.fromEntries([...PROCESSES, 'trader', 'database', 'broker'].map((name) => [name, skew()]))
  // so far behind that readers refuse what closes now
  return chance.chance(0.06) ? { ...clocks, broker: -chance.between(5.5 * MINUTE, 7 * MINUTE) } : clocks
}

function tradesOf(chance: Stream, begin: number): PlannedTrade[] {
  return Array.from({ length: chance.between(6, 18) }, (_, number) => tradeOf(chance, begin, `p-${number}`))
}

function tradeOf(chance: Stream, begin: number, position_id: string): PlannedTrade {
  const now = chance.chance(0.25)
  const opened = begin - chance.between(2 * MINUTE, 150 * DAY)
  const held = chance.between(1, 20) * 20_000
  const price = 100 * (1 + chance.next())
  const at = (share: number) => (now ? null : opened + Math.floor(held * share))
  const moved = () => price * (0.7 + 0.6 * chance.next())
  const entries: PlannedExecution[] = [
    { id: `${position_id}-in`, kind: 'buy', quantity: 10, size_frac: null, price, at: at(0) },
  ]
  if (chance.chance(0.2))
    entries.push({ id: `${position_id}-add`, kind: 'add', quantity: 5, size_frac: null, price: moved(), at: at(0.2) })
  const exits: PlannedExecution[] = []
  if (chance.chance(0.3))
    exits.push({ id: `${position_id}-part`, kind: 'trim', quantity: 4, size_frac: null, price: moved(), at: at(0.6) })
  const bought = entries.reduce((sum, e) => sum + e.quantity!, 0)
  const sold = exits.reduce((sum, e) => sum + e.quantity!, 0)
  const last = { id: `${position_id}-out`, price: moved(), at: at(1) }
  exits.push(
    chance.pick<PlannedExecution>([
      { ...last, kind: 'emergency_exit', quantity: null, size_frac: null },
      { ...last, kind: 'trim', quantity: null, size_frac: 1 },
      { ...last, kind: 'trim', quantity: bought - sold, size_frac: null }, // says not that it is all: a tick closes it
    ]),
  )
  const timeframe = chance.chance(0.9) ? '1m' : '15m'
  const bars = now ? [] : barsOf(chance, opened, held, price)
  const begins = chance.between(0, FAULTY_MS - 15_000)
  const when = chance.next()
  return {
    position_id,
    side: chance.chance(0.8) ? 'long' : 'short',
    timeframe,
    context: contextOf(chance),
    executions: [...entries, ...exits],
    bars: timeframe === '1m' ? bars : [],
    bars_at: when < 0.7 ? 0 : when < 0.9 ? begins + chance.between(0, 40_000) : null,
    late_bars: null,
    begins,
    pause: chance.between(0, 3_000),
  }
}

/** Bought and sold at once, at times that are known. */
function wholeTrade(chance: Stream, begin: number, name: string): PlannedTrade {
  const trade = tradeOf(chance, begin, name)
  const [entry] = trade.executions
  if (entry!.at === null) return wholeTrade(chance, begin, name)
  const exit: PlannedExecution = {
    ...trade.executions.at(-1)!,
    kind: 'emergency_exit',
    quantity: null,
    size_frac: null,
  }
  return { ...trade, executions: [entry!, exit] }
}

function barsOf(chance: Stream, opened: number, held: number, price: number): PlannedBar[] {
  const first = Math.floor(opened / MINUTE) * MINUTE
  const count = Math.floor((opened + held - first) / MINUTE) + 1
  return Array.from({ length: count }, (_, i) => ({
    start: first + i * MINUTE,
    low: price * (0.8 + 0.2 * chance.next()),
    high: price * (1 + 0.2 * chance.next()),
  }))
}

function contextOf(chance: Stream): Record<string, string | number> {
  const context: Record<string, string | number> = {
    curator: chance.pick(['ann', 'bob', 'c|d%e']),
    chain: chance.pick(['base', 'solana']),
  }
  if (chance.chance(0.7)) context.mcap_at_entry = chance.pick([100_000, 500_000, 3_000_000, 60_000_000])
  if (chance.chance(0.5)) context.vol_at_entry = chance.pick([0, 5_000, 120_000, 2_000_000])
  if (chance.chance(0.3)) context.age_bucket = chance.pick(['<1D', ' 3-7d ', '90d+'])
  if (chance.chance(0.3)) context.intent = chance.pick(['scalp', 'swing'])
  if (chance.chance(0.2)) context.mapping_confidence = 'high'
  return context
}

function editsOf(chance: Stream, trades: number): Edit[] {
  const base = () => ({
    at: chance.between(5_000, FAULTY_MS + 10_000),
    partition: chance.chance(0.4) ? chance.between(0, 7) : null,
  })
  const trade = () => chance.between(0, trades - 1)
  const edits: Edit[] = []
  let revision = 10
  for (let n = chance.between(2, 6); n > 0; n--) edits.push({ ...base(), kind: 'duplicate', trade: trade() })
  for (let n = chance.between(1, 5); n > 0; n--)
    edits.push({
      ...base(),
      kind: 'correction',
      trade: trade(),
      revision: revision++,
      rr: chance.chance(0.1) ? null : Math.round(chance.next() * 2_000 - 1_000) / 100,
      later: chance.chance(0.3) ? -chance.between(1, 60 * DAY) : 0,
      curator: chance.chance(0.3) ? 'eve' : null,
    })
  for (let n = chance.between(0, 2); n > 0; n--)
    edits.push({ ...base(), kind: 'void', trade: trade(), revision: revision++ })
  for (let n = chance.between(0, 3); n > 0; n--)
    edits.push({ ...base(), kind: 'poison', poison: poisonOf(chance), number: n })
  return edits
}

/** An unknown schema holds a partition for two minutes: seldom. */
function poisonOf(chance: Stream): Poison {
  const poison = chance.pick(POISON)
  return poison === 'unknown_schema' && chance.chance(0.8) ? 'not_avro' : poison
}

function faultsOf(chance: Stream, trades: number): Fault[] {
  const certain: Fault = { at: FAULTY_MS / 2, ms: 0, kind: 'rebalance', consumer: 0 } // windows may find no call
  return [certain, ...Array.from({ length: chance.between(3, 9) }, () => faultOf(chance, trades))]
}

function faultOf(chance: Stream, trades: number): Fault {
  const at = chance.between(1_000, FAULTY_MS - 1_000)
  const consumer = chance.between(0, 1)
  const partition = chance.between(0, 7)
  switch (chance.pick(FAULTS)) {
    case 'process':
      return {
        at,
        ms: chance.between(500, 20_000),
        kind: chance.pick(['kill', 'kill', 'freeze', 'freeze', 'stop'] as const),
        process: chance.pick(PROCESSES),
      }
    case 'database':
      return {
        at,
        ms: chance.between(100, 6_000),
        kind: chance.pick([
          'database-crash',
          'database-crash',
          'database-away',
          'disk-full',
          'database-restored',
        ] as const),
      }
    case 'log':
      return {
        at,
        ms: chance.between(500, 15_000),
        kind: chance.pick(['log-away', 'registry-away', 'registry-denies'] as const),
      }
    case 'group':
      return chance.chance(0.4)
        ? { at, ms: 0, kind: 'rebalance', consumer }
        : {
            at,
            ms: 0,
            kind: 'offset-moved',
            consumer,
            partition,
            to: chance.pick([0, 1, 5, 1_000, 'earliest', 'latest'] as const),
          }
    case 'transaction':
      return {
        at,
        ms: chance.between(100, 15_000),
        kind: 'transaction',
        partition,
        records: chance.between(1, 4),
        committed: chance.chance(0.3),
        trade: chance.between(0, trades - 1),
      }
    case 'partitions':
      return { at, ms: chance.between(0, 30_000), kind: 'partitions-added', count: chance.between(1, 2) }
    case 'clock':
      return {
        at,
        ms: 0,
        kind: 'clock-jump',
        clock: chance.pick([...PROCESSES, 'database', 'broker']),
        by: chance.between(-MINUTE, MINUTE),
      }
    case 'calls': {
      const fault = chance.pick(CALL_FAULTS)
      const engine =
        fault === 'half' ? 'log' : chance.pick(['database', 'database', 'database', 'log', 'registry', 'pm'] as const)
      const rate = fault.startsWith('crash') ? 0.05 : 0.05 + 0.4 * chance.next()
      return { at, ms: chance.between(1_000, 15_000), kind: 'calls', engine, fault, rate, seed: chance.between(0, 1e9) }
    }
  }
}

const FAULTS = [
  'process',
  'process',
  'database',
  'database',
  'log',
  'group',
  'transaction',
  'partitions',
  'clock',
  'calls',
  'calls',
  'calls',
] as const
