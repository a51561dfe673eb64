import { expect, test } from 'vitest'
import { seeded } from '../../core/random.ts'
import { BOUNDS, type Measure } from './bounds.ts'
import { judgeSoak, type Series, soakWindow } from './judge-soak.ts'
import { type Point, slopeOf } from './slope.ts'

const HOUR_MS = 3_600_000
const STEP_MS = 10_000
const window = soakWindow(0, HOUR_MS)

/** An hour, with noise of ±5 % of the level that starts at `level`. */
function hour(value: (hours: number) => number, level: number, life?: (hours: number) => number): Point[] {
  const next = seeded(1)
  return Array.from({ length: HOUR_MS / STEP_MS }, (_, i) => {
    const at = i * STEP_MS
    const hours = at / HOUR_MS
    return { at, value: value(hours) + level * 0.1 * (next() - 0.5), life: life?.(hours) }
  })
}

const flat = (level: number) => hour(() => level, level)
const everything = (): Series[] =>
  (Object.keys(BOUNDS) as Measure[]).map((measure) => ({ measure, of: 'x', points: flat(100) }))

const judged = (measure: Measure, points: Point[]) =>
  judgeSoak(
    everything().map((s) => (s.measure === measure ? { ...s, points } : s)),
    window,
  )

test('what stays as it is passes, whatever its noise', () => {
  const { slopes, unjudged, reasons } = judgeSoak(everything(), window)
  expect({ grows: slopes.filter((s) => s.grows), unjudged, reasons }).toEqual({ grows: [], unjudged: [], reasons: [] })
  expect(slopes).toHaveLength(Object.keys(BOUNDS).length)
})

test.each([
  ['memory', (h: number) => 100 + 72 * h],
  ['handles', (h: number) => 100 + 24 * h],
  ['sockets', (h: number) => 100 + 24 * h],
  ['connections', (h: number) => 100 + 12 * h],
  ['wal', (h: number) => 100 + 128 * h],
  ['table', (h: number) => 100 + 4 * h],
  ['per trade', (h: number) => 100 + 20 * h],
] as [Measure, (hours: number) => number][])('%s that grows is found', (measure, value) => {
  const { slopes, reasons } = judged(measure, hour(value, 10))
  expect(slopes.filter((s) => s.grows).map((s) => s.what)).toEqual([`${measure} of x`])
  expect(reasons).toEqual([expect.stringMatching(new RegExp(`^grows: ${measure} of x by [\\d.]+ .*an hour`))])
})

test('growth of the warm-up, one jump for a moment, and growth that ends are none', () => {
  const warm = hour((h) => (h < 0.15 ? 1_000 * h : 150), 10)
  const jump = hour((h) => (h > 0.5 && h < 0.55 ? 400 : 100), 10)
  const shrinks = hour((h) => 200 - 50 * h, 10)
  for (const points of [warm, jump, shrinks]) expect(judged('memory', points).reasons).toEqual([])
})

test('a process that is started again every quarter of an hour and grows each time is found, and one that does not is not', () => {
  const life = (h: number) => Math.floor(h * 4)
  const since = (h: number) => h - life(h) / 4
  const leaks = hour((h) => 100 + 160 * since(h), 2, life)
  const warms = hour((h) => 100 + 600 * Math.min(since(h), 1 / 15), 2, life)
  expect(judged('memory', leaks).reasons).toHaveLength(1)
  expect(judged('memory', warms).reasons).toEqual([])
})

test('what was watched for too short a time is named, and a measure of which nothing was is a failure', () => {
  const { unjudged, reasons } = judged('wal', flat(100).slice(-5))
  expect(unjudged).toEqual(['wal of x'])
  expect(reasons).toEqual(['It did too little: no wal was watched for long enough.'])
})

test('the slope is that of the definition: the median of pairs within a life', () => {
  const at = (minutes: number, value: number, life = 1) => ({ at: minutes * 60_000, value, life })
  expect(slopeOf([at(0, 0), at(60, 10), at(120, 30)])).toEqual({ slope: 15, level: 10, span: 2 * HOUR_MS })
  expect(slopeOf([at(0, 0, 1), at(60, 100, 2)])).toBeUndefined()
})
