/**
 * A market with edges that are known, because we put them there. Pure: a seed gives the same trades.
 *
 * Each trade draws its lever values independently. Its expected R/R is BASE_RR times the edge of each of its values; the R/R that it gets lies around that,
 * evenly, and the price path is drawn so that it comes out: down by DRAWDOWN first, then to the exit. So what the learner should find for a value is known:
 * its edge over the mean edge of its lever, within the model's bounds.
 */
import { seeded } from '../core/random.ts'
import { timeframeMs } from '../domain/timeframe.ts'

export interface MarketTrade {
  index: number
  position_id: string
  token: string
  chain: string
  ticker: string
  timeframe: string
  entry_context: Record<string, string | number>
  /** Milliseconds since 1970-01-01 UTC. */
  opened_at: number
  closed_at: number
  entry_price: number
  exit_price: number
  /** The R/R that the bars must give. */
  rr: number
  bars: { timestamp: number; open: number; high: number; low: number; close: number; volume: number }[]
  /** Ends it by a trim of everything or by an emergency exit. */
  exit: 'trim' | 'emergency_exit'
}

export interface Planted {
  name: string
  key: string
  /** Weight that the learner should find. */
  planted: number
}

interface Edge {
  lever: string
  /** What the entry context says for the value: a text, or a number in the middle of the bucket. */
  context: (value: string) => Record<string, string | number>
  edges: Record<string, number>
}

const BASE_RR = 1.1
/** The first fall of each trade, as a share of the entry price. */
const DRAWDOWN = 0.04
const MAX_NOISE = 0.8
/** Bars from entry to exit. */
const HELD = [3, 9] as const
/** Exits lie within so many days before the end. */
const SPAN_DAYS = 7

const EDGES: Edge[] = [
  {
    lever: 'curator',
    context: (curator) => ({ curator }),
    edges: { '0xdetweiler': 1.5, eleetmo: 1.2, louiscooper: 1, crypto_kid: 0.8, moonboy: 0.55 },
  },
  { lever: 'chain', context: (chain) => ({ chain }), edges: { solana: 1.2, base: 1.05, ethereum: 0.95, bsc: 0.75 } },
  {
    lever: 'cap',
    context: (bucket) => ({
      mcap_at_entry: { '<500k': 250_000, '500k-1m': 750_000, '1m-2m': 1_500_000, '2m-5m': 3_500_000 }[bucket] as number,
    }),
    edges: { '<500k': 0.8, '500k-1m': 1, '1m-2m': 1.3, '2m-5m': 0.95 },
  },
  {
    lever: 'intent',
    context: (intent) => ({ intent }),
    edges: { research_positive: 1.15, new_listing: 1, pump_call: 0.8 },
  },
]
const TIMEFRAME_EDGES: Record<string, number> = { '1m': 0.7, '15m': 0.95, '1h': 1.25, '4h': 1.1 }
/** Levers without an edge: the learner must find none. */
const NEUTRAL = { mapping_confidence: ['low', 'med', 'high'] }

/** Weights that the learner should find, for every lever value with a known edge. `bounds`: the model's. */
export function plantedWeights(bounds: { min: number; max: number }): Planted[] {
  const of = (name: string, edges: Record<string, number>) => {
    const values = Object.values(edges)
    const mean = values.reduce((a, b) => a + b, 0) / values.length
    return Object.entries(edges).map(([key, edge]) => ({
      name,
      key,
      planted: Math.min(bounds.max, Math.max(bounds.min, edge / mean)),
    }))
  }
  return [
    ...EDGES.flatMap((e) => of(e.lever, e.edges)),
    ...of('timeframe', TIMEFRAME_EDGES),
    ...of('mapping_confidence', Object.fromEntries(NEUTRAL.mapping_confidence.map((v) => [v, 1]))),
  ]
}

/** The entry context with the best value of each lever: what the demo asks an allocation for. */
export function bestContext(): Record<string, string | number> {
  const best = (edges: Record<string, number>) => Object.entries(edges).sort((a, b) => b[1] - a[1])[0]?.[0] as string
  return Object.assign({}, ...EDGES.map((e) => e.context(best(e.edges))))
}

/**
 * @param run names the run: trades of another run are other positions
 * @param end the newest exit, ms
 */
export function simulateMarket(count: number, seed: number, run: string, end: number): MarketTrade[] {
  const next = seeded(seed)
  const pick = <T>(list: readonly T[]): T => list[Math.floor(next() * list.length)] as T
  return Array.from({ length: count }, (_, index) => {
    const entry_context: Record<string, string | number> = {}
    let expected = BASE_RR
    for (const edge of EDGES) {
      const value = pick(Object.keys(edge.edges))
      Object.assign(entry_context, edge.context(value))
      expected *= edge.edges[value] as number
    }
    const timeframe = pick(Object.keys(TIMEFRAME_EDGES))
    expected *= TIMEFRAME_EDGES[timeframe] as number
    entry_context.mapping_confidence = pick(NEUTRAL.mapping_confidence)
    // the path always falls first, so no R/R lies below -1: the noise is cut evenly on both sides
    const noise = Math.min(MAX_NOISE, expected + 0.95)
    const rr = expected + (next() * 2 - 1) * noise
    const step = timeframeMs(timeframe)
    const bars = HELD[0] + Math.floor(next() * (HELD[1] - HELD[0] + 1))
    const closed_at = Math.floor(end - next() * SPAN_DAYS * 86_400_000)
    const opened_at = closed_at - bars * step
    const entry_price = Math.round((0.01 + next()) * 1e6) / 1e6
    const exit_price = entry_price * (1 + rr * DRAWDOWN)
    return {
      index,
      position_id: `demo-${run}-${String(index).padStart(5, '0')}`,
      token: `Demo${run}x${index}`,
      chain: entry_context.chain as string,
      ticker: `DM${index}`,
      timeframe,
      entry_context,
      opened_at,
      closed_at,
      entry_price,
      exit_price,
      rr,
      bars: barsOf(opened_at, closed_at, step, entry_price, exit_price, next),
      exit: next() < 0.8 ? 'trim' : 'emergency_exit',
    }
  })
}

/** Bars on the timeframe's grid from entry to exit: down to the low of the path in the first, then in steps to the exit. */
function barsOf(
  from: number,
  to: number,
  step: number,
  entry: number,
  exit: number,
  next: () => number,
): MarketTrade['bars'] {
  const low = entry * (1 - DRAWDOWN)
  const first = Math.floor(from / step) * step
  const count = Math.ceil((to - first) / step)
  let close = entry
  return Array.from({ length: count }, (_, i) => {
    const open = close
    close = i === count - 1 ? exit : i === 0 ? low : low + ((exit - low) * i) / count
    return {
      timestamp: first + i * step,
      open,
      high: Math.max(open, close),
      low: Math.max(low, Math.min(open, close)),
      close,
      volume: Math.round(1_000 + next() * 100_000),
    }
  })
}
