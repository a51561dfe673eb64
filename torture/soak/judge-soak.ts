/** Whether anything grew that must not. */
import { BOUNDS, type Bound, type Measure } from './bounds.ts'
import { type Point, slopeOf } from './slope.ts'

export interface Series {
  measure: Measure
  /** Of which process or table. */
  of: string
  points: Point[]
  /** Another one than the measure's. */
  bound?: Bound
}

export interface JudgedSlope {
  what: string
  unit: string
  /** The middle value. */
  level: number
  /** Per hour. */
  slope: number
  bound: number
  /** Minutes that the longest of its processes was watched for. */
  minutes: number
  grows: boolean
}

export interface SoakJudgement {
  slopes: JudgedSlope[]
  /** What did not live, or was not there, long enough. */
  unjudged: string[]
  reasons: string[]
}

export interface SoakWindow {
  /** ms since the epoch; what was before is warm-up. */
  from: number
  /** A process that was started again warms up for so long, ms. */
  warmUpMs: number
}

/** Of a run of `ms` that began at `started`: its first fifth is warm-up, as is the first tenth of each process' life, or four minutes. */
export const soakWindow = (started: number, ms: number): SoakWindow => ({
  from: started + ms / 5,
  warmUpMs: Math.min(ms / 10, 240_000),
})

/** Points, and milliseconds in which they were taken, below which a slope says nothing. */
const FEWEST = 10
const SHORTEST_MS = 600_000

export function judgeSoak(series: readonly Series[], { from, warmUpMs }: SoakWindow): SoakJudgement {
  const slopes: JudgedSlope[] = []
  const unjudged: string[] = []
  const reasons: string[] = []
  for (const { measure, of, points, bound: own } of series) {
    const what = `${measure} of ${of}`
    const warm = warmed(points, from, warmUpMs)
    const found = warm.length < FEWEST ? undefined : slopeOf(warm)
    if (!found || found.span < SHORTEST_MS) {
      unjudged.push(what)
      continue
    }
    const { unit, perHour, least, relative } = own ?? BOUNDS[measure]
    const scale = relative ? Math.abs(found.level) : 1
    const bound = perHour * scale
    const grows = found.slope > bound && (found.slope * found.span) / 3_600_000 > least * scale
    slopes.push({
      what,
      unit,
      level: rounded(found.level),
      slope: rounded(found.slope),
      bound: rounded(bound),
      minutes: rounded(found.span / 60_000),
      grows,
    })
    if (grows)
      reasons.push(
        `grows: ${what} by ${rounded(found.slope)} ${unit} an hour (at most ${rounded(bound)}) from ${rounded(found.level)}`,
      )
  }
  for (const measure of Object.keys(BOUNDS) as Measure[])
    if (!slopes.some(({ what }) => what.startsWith(`${measure} of `)))
      reasons.push(`It did too little: no ${measure} was watched for long enough.`)
  return { slopes, unjudged, reasons }
}

/** Without the warm-up of the run, and that of each process that was started since. */
function warmed(points: readonly Point[], from: number, warmUpMs: number): Point[] {
  const born = new Map<number, number>()
  for (const { life, at } of points) if (life !== undefined && !born.has(life)) born.set(life, at)
  return points.filter(({ at, life }) => at >= from && (life === undefined || at >= born.get(life)! + warmUpMs))
}

const rounded = (n: number) => Math.round(n * 100) / 100
