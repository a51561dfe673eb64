import { expect, test } from 'vitest'
import type { LagReport } from '../../core/lag/lag.ts'
import { createCourse } from './course.ts'

const reportAt = (seconds: number, lag: Record<string, number>) =>
  ({
    at: new Date(seconds * 1_000).toISOString(),
    groups: Object.entries(lag).map(([consumer, lag_records]) => ({ consumer, lag_records })),
  }) as LagReport

test('a point every half minute, six hours of them; a consumer that comes later was not there before', () => {
  const course = createCourse()
  for (let s = 0; s < 8 * 3_600; s++) course.add(reportAt(s, s < 7 * 3_600 ? { a: s } : { a: s, b: 1 }))
  const { at, lag } = course.course()
  expect(at).toHaveLength(720)
  expect(Date.parse(at[1] as string) - Date.parse(at[0] as string)).toBe(30_000)
  expect(lag.a?.at(-1)).toBe(8 * 3_600 - 30)
  expect(lag.b?.[0]).toBeNull()
  expect(lag.b?.at(-1)).toBe(1)
  expect(JSON.stringify(course.course()).length).toBeLessThan(40_000)
})
