import { expect, test } from 'vitest'
import { chart } from './chart.ts'

test('a line goes from its first point to its last, as steps', () => {
  expect(
    chart(
      [
        { x: 0, y: 0 },
        { x: 5, y: 1 },
        { x: 9, y: 0.5 },
      ],
      { width: 5, height: 2 },
    ),
  ).toEqual(['1.000 ⠀⠀⢸⠉⢹', '0.000 ⣀⣀⣸⠀⠈'])
})

test('of one point there is one dot, and of equal ones a level line', () => {
  expect(
    chart([{ x: 7, y: 2 }], { width: 3, height: 2 })
      .join('')
      .replaceAll(/[^\u2801-\u28ff]/g, ''),
  ).toHaveLength(1)
  const level = chart(
    [
      { x: 0, y: 2 },
      { x: 1, y: 2 },
    ],
    { width: 3, height: 2 },
  )
  expect(level.filter((line) => /[\u2801-\u28ff]{3}/.test(line))).toHaveLength(1)
})

test('more points than a function takes arguments are drawn as well', () => {
  const points = Array.from({ length: 300_000 }, (_, i) => ({ x: i, y: i % 7 }))
  expect(chart(points, { width: 5, height: 2 })[0]).toMatch(/^6\.000 /)
})

test('the numbers beside it are written as what they are', () => {
  const points = [
    { x: 0, y: 0.01 },
    { x: 1, y: -0.2 },
  ]
  const lines = chart(points, { width: 3, height: 2, label: (y) => `${(y * 100).toFixed(1)} %` })
  expect(lines.map((line) => line.slice(0, 8))).toEqual(['  1.0 % ', '-20.0 % '])
})
