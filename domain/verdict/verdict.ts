/**
 * Whether past trades say anything about the next one: a walk through the log, each trade sized by what was known before its entry, against equal sizes.
 * Pure. docs/learning.md explains it.
 */
import type { Model } from '../learning/model.ts'
import { timeText } from '../time.ts'
import { type CurveValue, cumulate, pointsAmong } from './curve.ts'
import type { JudgedTrade } from './judged-trades.ts'
import { type LearnableTrade, learnableTrades } from './learnable.ts'
import {
  bootstrap,
  detectableUplift,
  holm,
  type Interval,
  kish,
  meanInterval,
  permutationTest,
  spearman,
  tradesNeeded,
  uplift,
} from './statistics.ts'
import { planWalk } from './walk.ts'

export type Conclusion = 'better' | 'worse' | 'cannot tell'

/** Trades that were sized alike, from the smallest multipliers to the largest. */
export interface Bucket {
  /** Mean multiplier, and mean outcome. */
  multiplier: number
  outcome: number
  /** Where that mean lies in 95 of 100 draws of whole days. */
  low: number
  high: number
  /** Mean of the outcomes that these multipliers stood for, by what was known then; null: nothing was. */
  expected: number | null
  n: number
}

/** How it went up to a moment; values are for each unit that is staked on all of the log. */
export interface CurvePoint {
  /** ISO 8601: the exit of the last trade that is in it. */
  at: string
  /** That many trades. */
  trades: number
  /** In the unit of what the model learns. */
  outcome: CurveValue
  /** In money; null: where `net` is. */
  net: CurveValue | null
}

export interface ModelVerdict {
  name: string
  hash: string
  /** Name of what it learns. */
  learns: string
  /** Trades that have it. */
  trades: number
  /** What a unit staked brought beyond equal sizes, in the unit of what the model learns; null: no two trades. */
  outcome: Interval | null
  /** The same in money: net return (before fees where a trade does not say them); null: no trade says it. */
  net: Interval | null
  /** How often shuffled outcomes did as well; adjusted for every model that was tried on this log. */
  p: number | null
  p_adjusted: number | null
  kish: number | null
  largest: number | null
  spearman: number | null
  calibration: Bucket[]
  /** In the order of exits, at most 300 points; at the last one `sized` − `equal` is `outcome.mean`, or `net.mean`. */
  curve: CurvePoint[]
  verdict: Conclusion
  /** The smallest uplift that this log could have shown, and how many trades it takes to show the one that was found. */
  detectable: number | null
  trades_needed: number | null
}

export interface Verdict {
  trades: number
  /** On which something closed. */
  days: number
  models: ModelVerdict[]
  sentence: string
  /** What the answer is not free of. */
  caveats: string[]
}

/** A model that was tried on this log: judged on trades that were entered from then on (ms; 0: on all). */
export interface Try {
  /** Of the model's definition. */
  hash: string
  since: number
  p: number
}

export interface VerdictOptions {
  /** Only trades that were entered from then on are judged, ms; what came before is learned from. */
  since?: number
  /** Before, whatever of it is tried again now among them. */
  tried?: readonly Try[]
  shuffles?: number
  /** Of a curve, at most; 0: none is drawn. Default: 300. */
  points?: number
  /** Before each model. */
  progress?(model: string): void
}

const DAY_MS = 86_400_000
const SHUFFLES = 499
const BUCKETS = 5
/** More than a picture has room for. */
const POINTS = 300
/** What an answer may be wrong in. */
const LEVEL = 0.05

/** @param named each is judged once, whatever is named several times */
export function judge(trades: readonly JudgedTrade[], named: readonly Model[], options: VerdictOptions = {}): Verdict {
  const models = [...new Map(named.map((model) => [model.hash, model])).values()]
  const { since = 0, tried = [], progress } = options
  const found = models.map((model) => {
    progress?.(model.definition.name)
    return judgeModel(trades, model, since, options)
  })
  adjustForTries(
    found,
    tried.filter((t) => t.since !== since || !found.some((one) => one.hash === t.hash)),
  )
  for (const one of found) one.verdict = conclude(one)
  const judged = trades.filter((t) => t.opened_at >= since)
  const days = new Set(judged.map((t) => Math.floor(t.closed_at / DAY_MS))).size
  return {
    trades: judged.length,
    days,
    models: found,
    sentence: sentenceOf(found, judged.length, days),
    caveats: caveatsOf(judged),
  }
}

function judgeModel(
  trades: readonly JudgedTrade[],
  model: Model,
  since: number,
  { shuffles = SHUFFLES, points = POINTS }: VerdictOptions,
): ModelVerdict {
  const learned = learnableTrades(model, trades)
  const { definition, hash } = model
  const judged = learned.flatMap(({ opened_at }, i) => (opened_at >= since ? [i] : []))
  const nothing: ModelVerdict = {
    name: definition.name,
    hash,
    learns: outcomeName(model),
    trades: judged.length,
    outcome: null,
    net: null,
    p: null,
    p_adjusted: null,
    kish: null,
    largest: null,
    spearman: null,
    calibration: [],
    curve: [],
    verdict: 'cannot tell',
    detectable: null,
    trades_needed: null,
  }
  if (judged.length < 2) return nothing
  const walk = planWalk(model, learned)
  const all = Float64Array.from(learned, (l) => l.outcome)
  const pick = (values: Float64Array, of: readonly number[]) => Float64Array.from(of, (i) => values[i] as number)
  const expected = new Float64Array(all.length).fill(Number.NaN)
  const sizes = walk(all, expected)
  const outcomes = pick(all, judged)
  const multipliers = pick(sizes, judged)
  const dayOf = (i: number) => Math.floor((learned[i] as LearnableTrade).closed_at / DAY_MS)
  const inMoney = judged.filter((i) => moneyOf(learned[i] as LearnableTrade) !== null)
  const money = Float64Array.from(inMoney, (i) => moneyOf(learned[i] as LearnableTrade) as number)
  const days = judged.map(dayOf)
  const outcome = bootstrap(multipliers, outcomes, days)
  return {
    ...nothing,
    outcome,
    net: inMoney.length < 2 ? null : bootstrap(pick(sizes, inMoney), money, inMoney.map(dayOf)),
    p: permutationTest(all, (dealt) => uplift(pick(walk(dealt), judged), pick(dealt, judged)), shuffles),
    kish: kish(multipliers),
    largest: multipliers.reduce((most, m) => Math.max(most, m), 0),
    spearman: spearman(multipliers, outcomes),
    calibration: calibrate(multipliers, outcomes, pick(expected, judged), days),
    curve: curveOf(learned, sizes, judged, inMoney, points),
    detectable: detectableUplift(multipliers, outcomes),
    trades_needed: tradesNeeded(outcome.mean, multipliers, outcomes),
  }
}

/** After fees where the trade says them. */
const moneyOf = (trade: JudgedTrade) => trade.net_return ?? trade.return

function outcomeName({ definition: { outcome = 'rr' } }: Model): string {
  return typeof outcome === 'string' ? outcome : `${outcome.of} per ${outcome.per}`
}

function calibrate(
  multipliers: Float64Array,
  outcomes: Float64Array,
  expected: Float64Array,
  days: readonly number[],
): Bucket[] {
  const order = Array.from(multipliers, (_, i) => i).sort(
    (a, b) => (multipliers[a] as number) - (multipliers[b] as number),
  )
  return Array.from({ length: BUCKETS }, (_, b) =>
    order.slice(Math.floor((b * order.length) / BUCKETS), Math.floor(((b + 1) * order.length) / BUCKETS)),
  )
    .filter((of) => of.length > 0)
    .map((of) => {
      const known = of.filter((i) => !Number.isNaN(expected[i] as number))
      const mean = (values: Float64Array, among: readonly number[]) =>
        among.reduce((sum, i) => sum + (values[i] as number) / among.length, 0)
      const { low, high } = meanInterval(
        Float64Array.from(of, (i) => outcomes[i] as number),
        of.map((i) => days[i] as number),
      )
      return {
        multiplier: mean(multipliers, of),
        outcome: mean(outcomes, of),
        low,
        high,
        expected: known.length === 0 ? null : mean(expected, known),
        n: of.length,
      }
    })
}

/** @param judged places of the trades that are judged; of `inMoney` those whose money is known */
function curveOf(
  learned: readonly LearnableTrade[],
  sizes: Float64Array,
  judged: readonly number[],
  inMoney: readonly number[],
  points: number,
): CurvePoint[] {
  if (points === 0) return []
  const trade = (i: number) => learned[i] as LearnableTrade
  const order = judged.toSorted((a, b) => trade(a).closed_at - trade(b).closed_at || a - b)
  const ends = pointsAmong(order.length, points)
  const pointOf = new Map<number, number>()
  for (let place = 0, point = 0; place < order.length; place++) {
    if (place > (ends[point] as number)) point++
    pointOf.set(order[place] as number, point)
  }
  const course = (of: readonly number[], value: (trade: LearnableTrade) => number) =>
    cumulate(
      Float64Array.from(of, (i) => sizes[i] as number),
      Float64Array.from(of, (i) => value(trade(i))),
      of.map((i) => Math.floor(trade(i).closed_at / DAY_MS)),
      of.map((i) => pointOf.get(i) as number),
      ends.length,
    )
  const outcome = course(judged, (t) => t.outcome)
  const net = inMoney.length < 2 ? null : course(inMoney, (t) => moneyOf(t) as number)
  return ends.map((place, point) => ({
    at: timeText(trade(order[place] as number).closed_at),
    trades: place + 1,
    outcome: outcome[point] as CurveValue,
    net: net && (net[point] as CurveValue),
  }))
}

function adjustForTries(found: readonly ModelVerdict[], before: readonly Try[]): void {
  const now = found.filter((one) => one.p !== null)
  const adjusted = holm([...now, ...before].map(({ p }) => p as number))
  for (const [i, one] of now.entries()) one.p_adjusted = adjusted[i] as number
}

/** Money has to say so as well: an outcome that is no money can be gained by what costs money. */
function conclude({ outcome, net, p_adjusted }: ModelVerdict): Conclusion {
  if (!outcome || !net || p_adjusted === null) return 'cannot tell'
  if (outcome.low > 0 && net.low > 0 && p_adjusted < LEVEL) return 'better'
  return outcome.high < 0 && net.high < 0 ? 'worse' : 'cannot tell'
}

function sentenceOf(models: readonly ModelVerdict[], trades: number, days: number): string {
  const of = `${trades} trade${trades === 1 ? '' : 's'} on ${days} day${days === 1 ? '' : 's'}`
  const best = models
    .filter((m) => m.verdict === 'better')
    .sort((a, b) => (a.p_adjusted as number) - (b.p_adjusted as number) || (b.net?.mean ?? 0) - (a.net?.mean ?? 0))[0]
  if (best?.outcome && best.net)
    return `Better: sized by ${best.name}, ${of} brought ${percent(best.net.mean)} more for each unit staked than equal sizes [${percent(best.net.low)}, ${percent(best.net.high)}], adjusted p = ${short(best.p_adjusted as number)}.`
  const told = models.filter((m) => m.outcome)
  if (told.length === 0) return `Cannot tell: ${of}, and no model has an outcome of two of them.`
  if (told.every((m) => m.verdict === 'worse'))
    return `Worse: sized by ${told.map((m) => m.name).join(' or ')}, ${of} brought less for each unit staked than equal sizes.`
  const nearest = told
    .filter((m) => m.trades_needed !== null)
    .sort((a, b) => (a.trades_needed as number) - (b.trades_needed as number))[0]
  const needed = nearest
    ? `; to show what ${nearest.name} seems to bring would take about ${rounded(nearest.trades_needed as number)} trades like these`
    : ''
  const worse = told.filter((m) => m.verdict === 'worse').map((m) => m.name)
  return `Cannot tell: ${of} do not say whether past trades say anything about the next one${needed}.${worse.length > 0 ? ` Worse than equal sizes: ${worse.join(', ')}.` : ''}`
}

const percent = (value: number) => `${value > 0 ? '+' : ''}${(value * 100).toFixed(2)} %`
const short = (p: number) => (p < 0.001 ? '< 0.001' : p.toFixed(3))
/** Two digits say as much as there is to say. */
const rounded = (n: number) => Number(n.toPrecision(2)).toLocaleString('en-US')

function caveatsOf(trades: readonly JudgedTrade[]): string[] {
  const count = (of: (t: JudgedTrade) => boolean) => trades.filter(of).length
  const several = (n: number, what: string) => `${n} of ${trades.length} trades ${what}`
  const caveats = [
    'Skipped trades are not in the log, sizes that move prices are not seen in it, and a lever that was written after the entry knows too much: each would make this wrong.',
  ]
  const late = count((t) => t.late)
  if (late > 0) caveats.push(`${several(late, 'were put into the log afterwards')}: they count as known at their exit.`)
  const unentered = count((t) => t.opened_at >= t.closed_at)
  if (unentered > 0)
    caveats.push(`${several(unentered, 'do not say when they were entered')}: they are sized at their exit.`)
  const gross = count((t) => t.net_return === null && t.return !== null)
  if (gross > 0) caveats.push(`${several(gross, 'do not say their fees')}: their return is before fees.`)
  const moneyless = count((t) => moneyOf(t) === null)
  if (moneyless > 0) caveats.push(`${several(moneyless, 'do not say their return')}: nothing is said of their money.`)
  return caveats
}
