/**
 * A walk through a log in time: each trade is sized by what a model had learned before its entry, of trades whose exit and whose record lay before it. Pure.
 *
 * What depends on times alone (how far older trades have faded, how many there are) is computed once: the walk is taken again for every shuffle of the outcomes.
 */
import { type Group, type Model, type ModelDefinition, SQUARES } from '../learning/model.ts'
import {
  type Edge,
  interactionEdge,
  leverEdge,
  longOf,
  type ShrunkParameters,
  shrunkBaseline,
} from '../learning/shrunk.ts'
import { type Decay, decayOf, type Evidence, weightOf } from '../learning/sums.ts'
import { weightOfEdge } from '../learning/weigher.ts'
import { isDamping, towardOne } from '../sizing/allocation.ts'

/** Times are ms since 1970-01-01 UTC. */
export interface WalkedTrade {
  opened_at: number
  closed_at: number
  /** From then on it was known, exit and outcome. */
  known_at: number
  /** Groups that it counts for, as the model has them. */
  groups: readonly Group[]
}

/**
 * @param outcomes one for each trade, in their order; returns its multiplier for each
 * @param expected takes the outcome that each multiplier stands for, by what was known then; of a trade before which nothing was known it stays as it is
 */
export type Walk = (outcomes: Float64Array, expected?: Float64Array) => Float64Array

/** What a group's weighted sums need at one step: for the short and the long τ. */
interface Steps {
  /** The sum fades by this factor … */
  fadeShort: Float64Array
  fadeLong: Float64Array
  /** … and the trade's outcome is added with this weight. */
  addShort: Float64Array
  addLong: Float64Array
}

/** What is known of a group when a trade is sized. */
interface Looks {
  /** Trades; 0: nothing is known. */
  n: Float64Array
  /** Σw at that moment, and 1/Σw relative to which the weighted sums are kept. */
  sumShort: Float64Array
  sumLong: Float64Array
  perShort: Float64Array
  perLong: Float64Array
}

export function planWalk(model: Model, trades: readonly WalkedTrade[]): Walk {
  const { definition } = model
  const { slots, starts, scopes, members, groupCount } = numberGroups(model, trades)
  const order = schedule(trades)
  const { steps, looks } = timesAlone(trades, order, slots, starts, groupCount, decayOf(definition.tau_days))
  const isShrunk = definition.rule === 'shrunk'
  const size = isShrunk ? shrunkSize(definition) : v4Size(definition)
  const outcomeOf = isShrunk ? shrunkExpectation(definition) : v4Expectation
  const seen = Array.from({ length: Math.max(0, ...lengthsOf(starts)) }, () => ({ ...EMPTY }))

  return (outcomes, expected) => {
    const multipliers = new Float64Array(trades.length).fill(1)
    const short = new Float64Array(groupCount)
    const long = new Float64Array(groupCount)
    for (let o = 0; o < order.length; o++) {
      const op = order[o] as number
      const trade = op < 0 ? ~op : op
      const from = starts[trade] as number
      const to = starts[trade + 1] as number
      if (op >= 0) {
        const outcome = outcomes[trade] as number
        for (let s = from; s < to; s++) {
          const g = slots[s] as number
          const x = scopes[s] === SQUARE ? outcome * outcome : outcome
          short[g] = (short[g] as number) * (steps.fadeShort[s] as number) + (steps.addShort[s] as number) * x
          long[g] = (long[g] as number) * (steps.fadeLong[s] as number) + (steps.addLong[s] as number) * x
        }
        continue
      }
      for (let s = from; s < to; s++) {
        const g = slots[s] as number
        const evidence = seen[s - from] as Evidence
        evidence.n = looks.n[s] as number
        evidence.sum_short = looks.sumShort[s] as number
        evidence.sum_long = looks.sumLong[s] as number
        evidence.rr_short = (short[g] as number) * (looks.perShort[s] as number)
        evidence.rr_long = (long[g] as number) * (looks.perLong[s] as number)
      }
      if ((seen[0] as Evidence).n === 0) continue
      const multiplier = size(seen, to - from, scopes.subarray(from, to), members[trade] as readonly number[][])
      multipliers[trade] = multiplier
      if (expected) expected[trade] = outcomeOf(multiplier, seen)
    }
    return multipliers
  }
}

const EMPTY: Evidence = { rr_short: 0, rr_long: 0, n: 0, sum_short: 0, sum_long: 0 }

/** What a slot of a trade is. */
const GLOBAL = 0
const SQUARE = 1
const LEVER = 2
const INTERACTION = 3

/**
 * @param seen what is known of the trade's groups: the baseline and its squares first
 * @param count so many of them
 * @param members of each interaction in turn, the places of its lever values in `seen`
 */
type Size = (seen: readonly Evidence[], count: number, scopes: Uint8Array, members: readonly number[][]) => number

function shrunkSize(definition: ModelDefinition): Size {
  const parameters = definition as ModelDefinition & ShrunkParameters
  const { min, max } = definition.multiplier as { min: number; max: number }
  return (seen, count, scopes, members) => {
    const base = shrunkBaseline(seen[0] as Evidence, (seen[1] as Evidence).rr_long, parameters)
    const weigh = ({ edge }: Edge) => weightOfEdge(edge, base.scale)
    let product = weigh(base.market)
    let interaction = 0
    for (let i = 2; i < count; i++) {
      const evidence = seen[i] as Evidence
      if (scopes[i] === LEVER) {
        if (evidence.n > 0) product *= weigh(leverEdge(evidence, base, parameters))
        continue
      }
      const of = members[interaction++] as readonly number[]
      if (evidence.n === 0) continue
      let longs = 0
      for (const place of of) longs += longOf(seen[place] as Evidence, base, parameters)
      product *= weigh(interactionEdge(evidence, base, longs, parameters))
    }
    return Math.min(max, Math.max(min, product))
  }
}

/** The outcome that a multiplier stands for. @param seen what was known of the trade's groups: the baseline first */
type Expectation = (multiplier: number, seen: readonly Evidence[]) => number

/** A weight is e^(edge/scale), so all edges together are scale·ln of the product: so much beyond the baseline over months. */
function shrunkExpectation(definition: ModelDefinition): Expectation {
  const parameters = definition as ModelDefinition & ShrunkParameters
  return (multiplier, seen) => {
    const base = shrunkBaseline(seen[0] as Evidence, (seen[1] as Evidence).rr_long, parameters)
    return base.mean_long + base.scale * Math.log(multiplier)
  }
}

/** A weight is a quotient of means: so many times the baseline of late, where that is above 0 (else nothing is weighed). */
const v4Expectation: Expectation = (multiplier, [base]) =>
  (base as Evidence).rr_short > 0 ? (base as Evidence).rr_short * multiplier : (base as Evidence).rr_short

function v4Size(definition: ModelDefinition): Size {
  const bounds = definition.weight as { min: number; max: number }
  return (seen, count, scopes) => {
    const base = (seen[0] as Evidence).rr_short
    const weigh = ({ n, rr_short }: Evidence) => (n > 0 ? weightOf(rr_short, base, bounds) : 1)
    let damped = false
    for (let i = 2; i < count; i++) if (scopes[i] === INTERACTION) damped ||= isDamping(weigh(seen[i] as Evidence))
    let product = 1
    for (let i = 2; i < count; i++) {
      const weight = weigh(seen[i] as Evidence)
      product *= damped && scopes[i] === LEVER ? towardOne(weight) : weight
    }
    return product
  }
}

/** Groups by number, those of each trade one behind the other: `slots[starts[trade]]` is the baseline. */
function numberGroups(model: Model, trades: readonly WalkedTrade[]) {
  const numbers = new Map<string, number>()
  const numberOf = ({ name, key }: Group) => {
    const text = `${name}\0${key}`
    let number = numbers.get(text)
    if (number === undefined) {
      number = numbers.size
      numbers.set(text, number)
    }
    return number
  }
  const starts = new Int32Array(trades.length + 1)
  for (const [i, { groups }] of trades.entries()) starts[i + 1] = (starts[i] as number) + groups.length
  const slots = new Int32Array(starts[trades.length] as number)
  const scopes = new Uint8Array(slots.length)
  const members: number[][][] = []
  for (const [i, { groups }] of trades.entries()) {
    const ofInteractions: number[][] = []
    const places = new Map(groups.map(({ name, key }, place) => [`${name}\0${key}`, place]))
    for (const [place, group] of groups.entries()) {
      const slot = (starts[i] as number) + place
      slots[slot] = numberOf(group)
      scopes[slot] = scopeOf(group)
      if (group.scope === 'interaction')
        ofInteractions.push(
          model.members(group).flatMap(({ name, key }) => {
            const found = places.get(`${name}\0${key}`)
            return found === undefined ? [] : [found]
          }),
        )
    }
    members.push(ofInteractions)
  }
  return { slots, starts, scopes, members, groupCount: numbers.size }
}

const scopeOf = ({ scope, key }: Group): number =>
  scope === 'lever' ? LEVER : scope === 'interaction' ? INTERACTION : key === SQUARES.key ? SQUARE : GLOBAL

const lengthsOf = (starts: Int32Array) => Array.from(starts.subarray(1), (end, i) => end - (starts[i] as number))

/** Which trade is learned (its number) or sized (its complement), in the order of time: a trade is sized before what becomes known at its very entry. */
function schedule(trades: readonly WalkedTrade[]): Int32Array {
  const order = new Int32Array(trades.length * 2)
  const all = trades.map((_, i) => i)
  const learned = all.toSorted(
    (a, b) =>
      (trades[a] as WalkedTrade).known_at - (trades[b] as WalkedTrade).known_at ||
      (trades[a] as WalkedTrade).closed_at - (trades[b] as WalkedTrade).closed_at ||
      a - b,
  )
  const sized = all.toSorted(
    (a, b) => (trades[a] as WalkedTrade).opened_at - (trades[b] as WalkedTrade).opened_at || a - b,
  )
  let at = 0
  let next = 0
  for (const trade of sized) {
    const { opened_at } = trades[trade] as WalkedTrade
    for (; next < learned.length; next++) {
      const other = learned[next] as number
      if ((trades[other] as WalkedTrade).known_at >= opened_at) break
      order[at++] = other
    }
    order[at++] = ~trade
  }
  return order.subarray(0, at)
}

/** What becomes of each group's weights: the same whatever the outcomes are. */
function timesAlone(
  trades: readonly WalkedTrade[],
  order: Int32Array,
  slots: Int32Array,
  starts: Int32Array,
  groupCount: number,
  tau: Decay,
): { steps: Steps; looks: Looks } {
  const make = () => new Float64Array(slots.length)
  const steps: Steps = { fadeShort: make(), fadeLong: make(), addShort: make(), addLong: make() }
  const looks: Looks = { n: make(), sumShort: make(), sumLong: make(), perShort: make(), perLong: make() }
  const n = new Float64Array(groupCount)
  const short = new Float64Array(groupCount)
  const long = new Float64Array(groupCount)
  /** To which exit a group's sums are relative. */
  const newest = new Float64Array(groupCount)
  let last = Number.NEGATIVE_INFINITY
  for (const op of order) {
    const trade = op < 0 ? ~op : op
    const t = (trades[trade] as WalkedTrade).closed_at
    if (op >= 0) last = Math.max(last, t)
    for (let s = starts[trade] as number; s < (starts[trade + 1] as number); s++) {
      const g = slots[s] as number
      if (op >= 0) {
        const age = n[g] === 0 ? 0 : t - (newest[g] as number)
        const [fade, add] = age >= 0 ? [age, 0] : [0, -age]
        steps.fadeShort[s] = Math.exp(-fade / tau.short)
        steps.fadeLong[s] = Math.exp(-fade / tau.long)
        steps.addShort[s] = Math.exp(-add / tau.short)
        steps.addLong[s] = Math.exp(-add / tau.long)
        short[g] = (short[g] as number) * (steps.fadeShort[s] as number) + (steps.addShort[s] as number)
        long[g] = (long[g] as number) * (steps.fadeLong[s] as number) + (steps.addLong[s] as number)
        newest[g] = n[g] === 0 ? t : Math.max(newest[g] as number, t)
        n[g] = (n[g] as number) + 1
      } else if (n[g] !== 0) {
        const age = last - (newest[g] as number)
        looks.n[s] = n[g] as number
        looks.sumShort[s] = (short[g] as number) * Math.exp(-age / tau.short)
        looks.sumLong[s] = (long[g] as number) * Math.exp(-age / tau.long)
        looks.perShort[s] = 1 / (short[g] as number)
        looks.perLong[s] = 1 / (long[g] as number)
      }
    }
  }
  return { steps, looks }
}
