/** A line in the terminal, two by four dots a character (braille). */
import { extentOf } from './extent.ts'

const WIDTH = 60
const HEIGHT = 6
const BLANK = 0x2800
/** Bit of each dot of a character, by column and row. */
const DOTS = [
  [0x01, 0x02, 0x04, 0x40],
  [0x08, 0x10, 0x20, 0x80],
] as const

export interface ChartPoint {
  x: number
  y: number
}

export interface ChartOptions {
  /** Characters. */
  width?: number
  height?: number
  /** How y is written. */
  label?(y: number): string
}

/** Lines of the chart, with the greatest and the least y at its left. Points are joined as steps: a value holds until the next one. */
export function chart(
  points: readonly ChartPoint[],
  { width = WIDTH, height = HEIGHT, label = (y) => y.toFixed(3) }: ChartOptions = {},
): string[] {
  const [left, end] = extentOf(points.map((p) => p.x))
  const [low, high] = extentOf(points.map((p) => p.y))
  const cells = Array.from({ length: height }, () => new Uint8Array(width))
  const column = (x: number) => (end === left ? 0 : Math.round(((x - left) / (end - left)) * (width * 2 - 1)))
  const row = (y: number) => (high === low ? height * 2 : Math.round(((high - y) / (high - low)) * (height * 4 - 1)))
  const set = (c: number, r: number) => {
    const line = cells[r >> 2] as Uint8Array
    line[c >> 1] = (line[c >> 1] as number) | (DOTS[(c & 1) as 0 | 1][r & 3] as number)
  }
  for (const [i, point] of points.entries()) {
    const from = column(point.x)
    const at = row(point.y)
    const next = points[i + 1]
    const to = next ? column(next.x) : from
    for (let c = from; c <= to; c++) set(c, at)
    if (next) for (let r = Math.min(at, row(next.y)); r <= Math.max(at, row(next.y)); r++) set(to, r)
  }
  const labels: string[] = [label(high), ...Array(height - 2).fill(''), label(low)]
  const room = Math.max(...labels.map((l) => l.length))
  return cells.map(
    (line, i) =>
      `${(labels[i] as string).padStart(room)} ${String.fromCharCode(...Array.from(line, (c) => BLANK + c))}`,
  )
}
