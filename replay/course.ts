/** How a coefficient went over time. */
import { type CoursePoint, courseOf } from '../domain/history/course.ts'
import type { Cut } from '../domain/history/cut.ts'
import type { Group } from '../domain/learning/model.ts'
import { timeText } from '../domain/time.ts'
import type { OpenHistory } from './open-history.ts'

export interface Point extends Pick<CoursePoint, 'weight' | 'rr_short' | 'rr_long' | 'n'> {
  /** Exit of the trade after which it was so. */
  at: string
}

/** After each of its trades, or so many of them, evenly chosen, the first and the last among them; 0: all. */
export function course({ history, model, effective }: OpenHistory, target: Group, cut: Cut, points: number): Point[] {
  const group = history.groupNumber(target)
  if (group === undefined) return []
  const all = courseOf(history, group, effective(cut), model)
  return thinned(all, points).map(({ at, weight, rr_short, rr_long, n }) => ({
    at: timeText(at),
    weight,
    rr_short,
    rr_long,
    n,
  }))
}

function thinned<T>(all: T[], points: number): T[] {
  if (points === 0 || all.length <= points) return all
  const last = all.length - 1
  return Array.from({ length: points }, (_, i) => all[Math.round((i * last) / Math.max(1, points - 1))] as T)
}
