/** How far each consumer was behind, over the last hours: what is kept while the page runs, and no longer. */
import type { LagReport } from '../../core/lag/lag.ts'
import type { Course } from './state.ts'

/** Between two points. */
const EVERY_MS = 30_000
/** Six hours of them. */
const POINTS = 720

export interface CourseKeeper {
  add(report: LagReport): void
  course(): Course
}

export function createCourse(): CourseKeeper {
  let points: { at: number; lag: Map<string, number> }[] = []
  return {
    add({ at, groups }) {
      const now = Date.parse(at)
      const last = points.at(-1)
      if (last && now - last.at < EVERY_MS) return
      points = [...points.slice(1 - POINTS), { at: now, lag: new Map(groups.map((g) => [g.consumer, g.lag_records])) }]
    },
    course() {
      const consumers = [...new Set(points.flatMap((p) => [...p.lag.keys()]))]
      return {
        at: points.map((p) => new Date(p.at).toISOString()),
        lag: Object.fromEntries(consumers.map((c) => [c, points.map((p) => p.lag.get(c) ?? null)])),
      }
    },
  }
}
