import { expect, test } from 'vitest'
import { amount, median, percentile, spread } from './statistics.ts'

test('the median is the middle value, or the mean of the two in the middle', () => {
  expect(median([9, 1, 5])).toBe(5)
  expect(median([4, 1, 3, 2])).toBe(2.5)
  expect(median([7])).toBe(7)
  expect(median([])).toBeNaN()
})

test('a percentile is the nearest rank: a value that was measured, never one in between', () => {
  const hundred = Array.from({ length: 100 }, (_, i) => 100 - i)
  expect(percentile(hundred, 0.5)).toBe(50)
  expect(percentile(hundred, 0.99)).toBe(99)
  expect(percentile(hundred, 1)).toBe(100)
  expect(percentile([1, 2, 3], 0.99)).toBe(3)
  expect(percentile([42], 0.01)).toBe(42)
  expect(percentile([], 0.5)).toBeNaN()
})

test('neither changes the order of what it was given', () => {
  const values = [3, 1, 2]
  median(values)
  percentile(values, 0.5)
  expect(values).toEqual([3, 1, 2])
})

test('amounts have thousands apart and about three digits', () => {
  expect(amount(1234567.8)).toBe('1,234,568')
  expect(amount(999.6)).toBe('1,000')
  expect(amount(12.345)).toBe('12.3')
  expect(amount(0.4251)).toBe('0.43')
  expect(amount(-4321)).toBe('-4,321')
  expect(amount(Number.NaN)).toBe('–')
})

test('the spread is half of the range; of one round there is nothing to say', () => {
  expect(spread([5])).toBe('')
  expect(spread([100, 90, 110])).toBe('± 10 %')
})
