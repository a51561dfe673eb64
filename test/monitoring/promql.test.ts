import { expect, test } from 'vitest'
import { selectorsOf } from './promql.ts'

test('metrics, and the labels that are matched or grouped by, are found', () => {
  const p99 = 'histogram_quantile(0.99, sum by (group, le) (rate(x_bucket{group=~"$group"}[$__rate_interval]))) > 5'
  expect(selectorsOf(p99)).toEqual([{ metric: 'x_bucket', labels: ['group', 'le'] }])
  expect(selectorsOf('sum(a) < on (b) max by (c) (d{e="f"}) and up == 1')).toEqual([
    { metric: 'a', labels: [] },
    { metric: 'd', labels: ['e', 'c'] },
  ])
})

test('what is not PromQL is refused', () => {
  expect(() => selectorsOf('sum by (group (x)')).toThrow('Not PromQL')
})
