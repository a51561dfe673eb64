/** How fast something grows, by what most of its pairs of points say: one that jumps for a moment changes nothing (Theil–Sen). */

export interface Point {
  /** ms since the epoch. */
  at: number
  value: number
  /** Of which process it is, where that matters: one that was started again begins anew. */
  life?: number
}

const HOUR_MS = 3_600_000
/** Pairs grow with the square of this. */
const MOST_POINTS = 400

export interface Slope {
  /** Per hour. */
  slope: number
  /** The middle value. */
  level: number
  /** Of the longest life, ms. */
  span: number
}

/** The median of the slopes of all pairs within a life that lie at least a quarter of the longest life apart. Nothing without such pairs. */
export function slopeOf(points: readonly Point[]): Slope | undefined {
  const lives = new Map<number | undefined, Point[]>()
  for (const point of thinned(points)) {
    const life = lives.get(point.life)
    if (life) life.push(point)
    else lives.set(point.life, [point])
  }
  const span = Math.max(0, ...[...lives.values()].map((life) => life.at(-1)!.at - life[0]!.at))
  const slopes: number[] = []
  for (const life of lives.values())
    for (const [i, a] of life.entries())
      for (const b of life.slice(i + 1)) {
        const ms = b.at - a.at
        if (ms > 0 && ms >= span / 4) slopes.push(((b.value - a.value) / ms) * HOUR_MS)
      }
  if (slopes.length === 0) return undefined
  return { slope: median(slopes), level: median(points.map((p) => p.value)), span }
}

function thinned(points: readonly Point[]): readonly Point[] {
  const step = Math.ceil(points.length / MOST_POINTS)
  return points.filter((_, i) => i % step === 0)
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b)
  const middle = Math.floor(sorted.length / 2)
  return sorted.length % 2 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2
}
