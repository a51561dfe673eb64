/**
 * What an old project's portfolio manager wrote in its life: positions with their completed trades, and strands, in every shape that was found in the
 * wild. Deterministic; what should become of each trade is said here, by definition, and computed by no code of the project's.
 */
import { seeded } from '../../core/random.ts'
import type { Variant } from './variants.ts'

/** A closed trade of the old system. Distinct by position and trade. */
export interface ClosedTrade {
  position_id: string
  /** As the event names it: the old system's id, `entry-<ms>` where it has none; '' of what is no trade at all. */
  trade_id: string
  usable: boolean
  /** Why it is not. */
  why?: string
  /** Milliseconds since 1970; 0 where it is not usable. */
  closed_at: number
  /** null: it cannot be scored, as no bars are there. */
  rr: number | null
  oddity: Oddity
  /** Where it can be found. */
  places: ('position' | 'strand')[]
}

type Json = Record<string, unknown>

/** A row of a table by column names; JSON columns as values. */
export interface History {
  positions: Json[]
  strands: Json[]
  bars: Json[]
  trades: ClosedTrade[]
  /** Ids of positions that are held: a live PM may close them. */
  held: string[]
}

type Side = { id: string; entry: number; exit: number; entryPrice: number; exitPrice: number; rr: number }

export type Oddity = string

interface Shape {
  make(t: Side): unknown
  why?: string
  rr?: (t: Side) => number | null
  /** The trade has no id in the old system. */
  nameless?: boolean
  /** Only there; both where it is not said. */
  place?: 'position' | 'strand'
}

const SECOND = 1000
const START = Date.UTC(2025, 10, 3)
const BAR_MS: Record<string, number> = {
  '1m': 60_000,
  '5m': 300_000,
  '15m': 900_000,
  '1h': 3_600_000,
  '4h': 14_400_000,
}

const python = (ms: number) => new Date(ms).toISOString().replace('Z', '000+00:00')
/** A number beyond JavaScript's: encode() writes it out. */
const nanoseconds = (ms: number) => `@${ms}456789`
const zoned = (ms: number) => new Date(ms + 5.5 * 3_600_000).toISOString().replace('Z', '+05:30')

function plain(t: Side, change: Json = {}): Json {
  const result = (t.exitPrice - t.entryPrice) / t.entryPrice
  return {
    trade_id: t.id,
    entry_price: t.entryPrice,
    exit_price: t.exitPrice,
    entry_timestamp: python(t.entry),
    exit_timestamp: python(t.exit),
    decision_type: t.exit % 2 ? 'emergency_exit' : 'trim',
    rr: t.rr,
    return: result,
    max_drawdown: 0.25,
    max_gain: 0.5,
    ...change,
  }
}

const texts = (value: Json): Json =>
  Object.fromEntries(Object.entries(value).map(([k, v]) => [k, typeof v === 'number' ? String(v) : v]))

function wrapped(t: Side, change: Json = {}): Json {
  const { trade_id, ...summary } = plain(t)
  return {
    trade_id,
    actions: [
      { decision_type: 'entry', price: t.entryPrice, tokens: 10, timestamp: python(t.entry) },
      { decision_type: 'emergency_exit', price: t.exitPrice, tokens: 10, timestamp: python(t.exit) },
    ],
    summary: { ...summary, ...change },
  }
}

/** Low of the one bar of a trade that is to be scored on bars. */
const lowOf = (t: Side) => Math.min(t.entryPrice, t.exitPrice) * 0.8
const clamp = (rr: number) => Math.min(10, Math.max(-10, rr))

const ODDITIES = {
  plain: { make: (t) => plain(t) },
  wrapped: { make: (t) => wrapped(t) },
  'numbers as texts': { make: (t) => texts(plain(t)) },
  'wrapped, numbers as texts': {
    make: (t) => wrapped(t, texts({ entry_price: t.entryPrice, exit_price: t.exitPrice, rr: t.rr })),
  },
  'nanoseconds in ISO 8601': {
    make: (t) =>
      plain(t, {
        entry_timestamp: new Date(t.entry).toISOString().replace('Z', '456789Z'),
        exit_timestamp: new Date(t.exit).toISOString().replace('Z', '456789Z'),
      }),
  },
  'nanoseconds since 1970': {
    make: (t) => plain(t, { entry_timestamp: nanoseconds(t.entry), exit_timestamp: nanoseconds(t.exit) }),
  },
  'another time zone': { make: (t) => plain(t, { entry_timestamp: zoned(t.entry), exit_timestamp: zoned(t.exit) }) },
  'no time zone (UTC)': {
    make: (t) =>
      plain(t, {
        entry_timestamp: python(t.entry).slice(0, -6),
        exit_timestamp: python(t.exit).slice(0, -6).replace('T', ' '),
      }),
  },
  'seconds since 1970': {
    make: (t) => plain(t, { entry_timestamp: t.entry / SECOND, exit_timestamp: t.exit / SECOND }),
  },
  'milliseconds since 1970': { make: (t) => plain(t, { entry_timestamp: t.entry, exit_timestamp: t.exit }) },
  'other names': {
    make: (t) => ({
      id: t.id,
      avg_entry_price: t.entryPrice,
      avg_exit_price: t.exitPrice,
      opened_at: python(t.entry),
      closed_at: python(t.exit),
      rr: t.rr,
    }),
  },
  'no id': { make: (t) => plain(t, { trade_id: undefined }), nameless: true },
  'no id, wrapped, no time zone': {
    make: (t) => {
      const { trade_id: _, ...rest } = wrapped(t, { entry_timestamp: python(t.entry).slice(0, -6) })
      return rest
    },
    nameless: true,
  },
  'id null': { make: (t) => plain(t, { trade_id: null }), nameless: true },
  // the strand has it: in its column or in its content
  'id on the strand alone': { make: (t) => plain(t, { trade_id: undefined }) },
  'R/R beyond its bound': { make: (t) => plain(t, { rr: t.rr < 0 ? -33.5 : 33.5 }), rr: (t) => (t.rr < 0 ? -10 : 10) },
  'no R/R, bars are there': {
    make: (t) => plain(t, { rr: null, max_drawdown: null, max_gain: undefined }),
    rr: (t) => clamp((t.exitPrice - t.entryPrice) / (t.entryPrice - lowOf(t))),
  },
  'no R/R, no bars': { make: (t) => plain(t, { rr: undefined }), rr: () => null },
  'no prices': { make: (t) => plain(t, { entry_price: null, exit_price: null, return: null }) },
  'neither R/R nor prices': {
    make: (t) => plain(t, { rr: null, entry_price: null, exit_price: null }),
    why: 'no R/R, and no prices for one',
  },
  'price of zero': { make: (t) => plain(t, { exit_price: 0, rr: null }), why: 'exit price 0' },
  'R/R is no number': { make: (t) => plain(t, { rr: 'NaN' }), why: 'R/R is NaN' },
  'no exit time': {
    make: (t) => plain(t, { exit_timestamp: null }),
    why: 'no exit time',
    place: 'position',
  },
  'exit time is no time': { make: (t) => plain(t, { exit_timestamp: 'yesterday' }), why: 'exit time is no time' },
  'exit in 2099': { make: (t) => plain(t, { exit_timestamp: '2099-01-01T00:00:00+00:00' }), why: 'exit in the future' },
} satisfies Record<string, Shape> as Record<string, Shape>

const CURATORS = ['0xdetweiler', 'moonboy', 'quiet_hand', 'LateNight', 'caf\u00e9 \ud83d\ude80']
const CHAINS = ['solana', 'base', 'ethereum', 'bsc']
const CAPS = ['<500k', '500k-1m', '1m-2m', '2m-5m', '5m-10m']
const TIMEFRAMES = ['1m', '15m', '1h', '4h']

/** What is in the place of completed_trades and holds no trade. */
const JUNK: unknown[] = ['n/a', 42, {}, null, { note: 'see sheet' }, ['n/a'], [null], [[]]]

export interface Size {
  /** Positions that traded, each 1 to 4 times; as many again were only watched. */
  positions: number
  otherStrands: number
}

const uuid = (kind: number, n: number) =>
  `${kind.toString(16).padStart(8, '0')}-0000-4000-8000-${n.toString(16).padStart(12, '0')}`

/** Ids as the variant writes them. */
export function idsOf(variant: Variant) {
  const of = { text: (p: string) => (n: number) => `${p}${n}`, bigint: () => String }[variant.id as 'text' | 'bigint']
  return variant.id === 'uuid'
    ? {
        position: (n: number) => uuid(1, n),
        trade: (n: number, k: number) => uuid(2, n * 16 + k),
        strand: (n: number) => uuid(3, n),
      }
    : {
        position: of('lowcap_'),
        trade: (n: number, k: number) => (n % 3 ? `${n}:${k}` : uuid(2, n * 16 + k)),
        strand: of('pm_position_closed_'),
      }
}

export function makeHistory(variant: Variant, { positions: count, otherStrands }: Size): History {
  const random = seeded(20_261_124)
  const pick = <T>(from: T[]): T => from[Math.floor(random() * from.length)]!
  const ids = idsOf(variant)
  const history: History = { positions: [], strands: [], bars: [], trades: [], held: [] }
  const oddities = Object.keys(ODDITIES)
  let nth = 0
  let strand = 0

  function addStrand(position: Json, n: number, t: Side, element: unknown, soFar: unknown[], context: Json): void {
    const how = strand % 8
    const shape = ODDITIES[(position.__oddity as string) ?? 'plain']!
    const named = shape.nameless ? {} : { trade_id: t.id }
    const gone = position.__gone === true
    const trades = how === 3 ? element : how === 4 ? [...soFar, element] : how === 5 ? encode([element]) : [element]
    const top = variant.topLevel && how % 2 === 1
    const carried = { entry_context: how === 6 ? encode(context) : context, completed_trades: trades }
    const inColumns = how !== 2 && !(gone && variant.strandNeedsPosition)
    const content: Json = {
      ...(top ? {} : carried),
      ...(inColumns && variant.without.ad_strands === undefined ? {} : { position_id: ids.position(n), ...named }),
      token: position.token_contract,
      chain: position.token_chain,
      timeframe: position.timeframe,
      decision_type: 'emergency_exit',
      ts: python(t.exit),
    }
    if (shape.why !== undefined) content.ts = null
    const row: Json = {
      id: ids.strand(++strand),
      module: 'pm',
      kind: 'position_closed',
      symbol: position.token_ticker,
      timeframe: how === 7 ? null : position.timeframe,
      tags: ['position_closed', 'pm', 'learning'],
      target_agent: 'learning_system',
      created_at: python(t.exit + 1_500),
      ...(inColumns ? { position_id: ids.position(n), ...named } : {}),
      content,
      ...(top ? carried : {}),
      regime_context: how === 1 ? null : { macro: pick(['Recover', 'Dip', 'Good']), meso: 'chop' },
      metadata: how === 0 ? { source: 'pm_core' } : null,
    }
    history.strands.push(row)
    // the old PM tried again after a timeout
    if (strand % 97 === 0) history.strands.push({ ...row, id: ids.strand(++strand) })
  }

  for (let n = 1; n <= count; n++) {
    const chain = pick(CHAINS)
    const timeframe = n % 50 === 0 ? '5m' : TIMEFRAMES[n % 4]!
    const bar = BAR_MS[timeframe]!
    const contract = `0x${n.toString(16).padStart(8, '0')}`
    const gone = n % 40 === 7
    const position: Json = {
      id: ids.position(n),
      token_chain: chain,
      token_contract: contract,
      token_ticker: `TKN${n}`,
      timeframe,
      status: n % 11 === 0 ? 'archived' : n % 7 === 0 ? 'paused' : 'watchlist',
      features: { uptrend_engine: { state: 'S3' } },
      created_at: python(START),
      updated_at: python(START + 100 * 86_400_000),
    }
    const made: unknown[] = []
    const rounds = 1 + (n % 4)
    for (let k = 1; k <= rounds; k++) {
      const oddity = nth % 2 === 0 ? 'plain' : oddities[((nth - 1) / 2) % oddities.length]!
      nth++
      const shape = ODDITIES[oddity]!
      const slot = Math.floor((START + (k * 20 + random() * 15) * 86_400_000) / bar)
      const entryPrice = Number((0.001 + random()).toPrecision(6))
      const t: Side = {
        id: ids.trade(n, k),
        entry: slot * bar + Math.floor(bar / 6) + (n % 7),
        exit: slot * bar + Math.floor((2 * bar) / 3) + (k % 3),
        entryPrice,
        exitPrice: Number((entryPrice * (0.6 + random())).toPrecision(6)),
        rr: Number((random() * 6 - 2).toFixed(4)),
      }
      const context: Json = {
        curator: pick(CURATORS),
        chain,
        mcap_bucket: pick(CAPS),
        vol_at_entry: k % 2 ? 120_000.5 : '98000',
        age_at_entry: 3 + (n % 20),
        intent: pick(['research_positive', 'new_mention', 'adding_to_position']),
        mapping_confidence: k % 3 ? 'high' : 'low',
        ...(n % 9 === 0 ? { nested: { a: [1, 2] }, nothing: null, flag: true } : {}),
      }
      position.entry_context = n % 13 === 0 ? encode(context) : context
      const element = shape.make(t)
      // a check of one project knows no 5m, and a strand of a trade without a time has the time it was made
      const place: 'position' | 'strand' | undefined = gone
        ? 'strand'
        : timeframe === '5m'
          ? 'position'
          : (shape.place ?? (nth % 10 === 9 && oddity !== 'id on the strand alone' ? 'position' : undefined))
      if (gone && shape.place === 'position') continue
      const places = place ? [place] : (['position', 'strand'] as const)
      if (places.includes('strand'))
        addStrand({ ...position, __oddity: oddity, __gone: gone }, n, t, element, made.slice(), context)
      if (places.includes('position')) made.push(element)
      if (oddity === 'no R/R, bars are there')
        history.bars.push({
          token_contract: contract,
          chain,
          timeframe,
          timestamp: new Date(slot * bar).toISOString(),
          open_usd: t.entryPrice,
          high_usd: Math.max(t.entryPrice, t.exitPrice),
          low_usd: lowOf(t),
          close_usd: t.exitPrice,
          volume: 1,
        })
      const nameless = shape.nameless || (oddity === 'id on the strand alone' && !places.includes('strand'))
      history.trades.push({
        position_id: ids.position(n),
        trade_id: nameless ? `entry-${t.entry}` : t.id,
        usable: shape.why === undefined,
        ...(shape.why === undefined ? {} : { why: shape.why }),
        closed_at: shape.why === undefined ? t.exit : 0,
        rr: shape.why !== undefined ? null : shape.rr ? shape.rr(t) : t.rr,
        oddity,
        places: [...places],
      })
    }
    if (gone) continue
    // Many ways to keep a list.
    const how = n % 6
    position.completed_trades =
      made.length === 1 && how === 1
        ? made[0]
        : how === 2
          ? encode(made)
          : how === 3 && n % 9 === 0
            ? [...made, made[0]]
            : made
    history.positions.push(position)
  }

  for (let n = count + 1; n <= 2 * count; n++) {
    const i = n - count
    const held = i <= 20
    const position: Json = {
      id: ids.position(n),
      token_chain: pick(CHAINS),
      token_contract: `0x${n.toString(16).padStart(8, '0')}`,
      token_ticker: `TKN${n}`,
      timeframe: TIMEFRAMES[n % 4]!,
      status: held ? 'active' : 'watchlist',
      ...(held
        ? {
            total_quantity: 10,
            avg_entry_price: 2.5,
            current_trade_id: ids.trade(n, 1),
            first_entry_timestamp: python(START + 110 * 86_400_000 + n),
            entry_context: { curator: pick(CURATORS), chain: 'base' },
          }
        : {}),
      completed_trades: [],
      created_at: python(START),
    }
    if (held) history.held.push(ids.position(n))
    else if (i <= 20 + JUNK.length) {
      position.completed_trades = JUNK[i - 21]
    } else if (variant.json === 'text' && i === 30) position.completed_trades = RAW_JUNK
    history.positions.push(position)
  }

  const other = (kind: string, content: unknown): Json => ({
    id: ids.strand(++strand),
    module: kind === 'social_lowcap' ? 'alpha' : 'pm',
    kind,
    symbol: `TKN${1 + (strand % count)}`,
    timeframe: TIMEFRAMES[strand % 4],
    created_at: python(START + strand * 60_000),
    content,
  })
  for (let i = 0; i < otherStrands; i++)
    history.strands.push(
      other(['social_lowcap', 'decision_lowcap', 'pm_action'][i % 3]!, {
        text: `\ud83d\udc8e strand ${i}`,
        score: i / 7,
      }),
    )
  // position_closed strands that hold nothing
  for (const content of [null, {}, 'n/a', { completed_trades: [] }, { position_id: ids.position(1) }])
    history.strands.push(other('position_closed', content))
  return history
}

/** Python's repr() where JSON should be: only a text column takes it. */
export const RAW_JUNK = `[{'trade_id': None, 'rr': nan}]`

/** JSON, with nanoseconds as the numbers that JavaScript has not got. */
export const encode = (value: unknown): string => JSON.stringify(value).replaceAll(/"@(\d+)"/g, '$1')
