/** How sized trades went over time beside equal sizes, for a picture. Pure; chance comes from a seed. */
import { chance, middle, numberDays, RESAMPLES } from './statistics.ts'

/** What each unit staked had brought up to a moment, if all of the log is staked. */
export interface CurveValue {
  equal: number
  /** By the model's sizes. */
  sized: number
  /** Where `sized` lies beside this course of equal sizes in 95 of 100 draws of whole days. */
  low: number
  high: number
}

/** Of the trades in this order so many, evenly chosen, the last among them: after which of them there is a point. */
export function pointsAmong(count: number, most: number): number[] {
  if (count <= most) return Array.from({ length: count }, (_, i) => i)
  return Array.from({ length: most }, (_, p) => Math.ceil(((p + 1) * count) / most) - 1)
}

/**
 * At its last point `sized` − `equal` is what a unit staked brought beyond equal sizes, and `low`, `high` are the bounds of that: `bootstrap` of the same trades.
 * @param pointOf of each trade the first point at which it counts; trades may be in any order
 * @param days of each trade, any number that is the same on one day
 */
export function cumulate(
  multipliers: Float64Array,
  outcomes: Float64Array,
  days: readonly number[],
  pointOf: readonly number[],
  points: number,
): CurveValue[] {
  const { of: dayOf, count } = numberDays(days)
  const weights = new Float64Array(count)
  const trades = new Float64Array(count)
  for (const [i, day] of dayOf.entries()) {
    weights[day] = (weights[day] as number) + (multipliers[i] as number)
    trades[day] = (trades[day] as number) + 1
  }
  const pieces = piecesOf(multipliers, outcomes, dayOf, pointOf)
  const differences = drawDifferences(weights, trades, pieces, points)
  const staked = weights.reduce((a, b) => a + b, 0)
  const found: CurveValue[] = []
  let weighted = 0
  let total = 0
  let next = 0
  for (let point = 0; point < points; point++) {
    for (; next < pieces.length && (pieces[next] as Piece).point <= point; next++) {
      weighted += (pieces[next] as Piece).weighted
      total += (pieces[next] as Piece).total
    }
    const equal = total / outcomes.length
    const { low, high } = middle(differences[point] as Float64Array)
    found.push({ equal, sized: weighted / staked, low: equal + low, high: equal + high })
  }
  return found
}

/** What the trades of one day add between two points. */
interface Piece {
  point: number
  day: number
  weighted: number
  total: number
}

/** In the order of their points. */
function piecesOf(
  multipliers: Float64Array,
  outcomes: Float64Array,
  dayOf: readonly number[],
  pointOf: readonly number[],
): Piece[] {
  const found = new Map<string, Piece>()
  for (const [i, day] of dayOf.entries()) {
    const point = pointOf[i] as number
    const name = `${point} ${day}`
    const piece = found.get(name) ?? { point, day, weighted: 0, total: 0 }
    piece.weighted += (multipliers[i] as number) * (outcomes[i] as number)
    piece.total += outcomes[i] as number
    found.set(name, piece)
  }
  return [...found.values()].sort((a, b) => a.point - b.point || a.day - b.day)
}

/** For each point, how far sizes lay beyond equal ones up to it in each draw of days. The draws are those of `bootstrap`. */
function drawDifferences(
  weights: Float64Array,
  trades: Float64Array,
  pieces: readonly Piece[],
  points: number,
): Float64Array[] {
  const roll = chance(1)
  const found = Array.from({ length: points }, () => new Float64Array(RESAMPLES))
  const times = new Float64Array(weights.length)
  for (let r = 0; r < RESAMPLES; r++) {
    times.fill(0)
    let staked = 0
    let n = 0
    for (let d = 0; d < weights.length; d++) {
      const day = Math.floor(roll() * weights.length)
      times[day] = (times[day] as number) + 1
      staked += weights[day] as number
      n += trades[day] as number
    }
    let weighted = 0
    let total = 0
    let next = 0
    for (let point = 0; point < points; point++) {
      for (; next < pieces.length && (pieces[next] as Piece).point <= point; next++) {
        const { day, weighted: sum, total: plain } = pieces[next] as Piece
        weighted += (times[day] as number) * sum
        total += (times[day] as number) * plain
      }
      ;(found[point] as Float64Array)[r] = weighted / staked - total / n
    }
  }
  return found
}
