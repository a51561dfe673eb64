/** Plain text tables for a terminal. */
import { extentOf } from './extent.ts'

export interface Column {
  title: string
  align?: 'left' | 'right'
}

/** Shortest that a column is cut to. */
const MIN_CELL = 8
const GAP = 2

/**
 * Lines of a table, columns two spaces apart, without trailing spaces. On a terminal it fits the width: the widest text column gives way first, and what is cut
 * ends with …; elsewhere nothing is cut.
 */
export function table(
  columns: Column[],
  rows: string[][],
  width: number | undefined = process.stdout.columns,
): string[] {
  const cells = [columns.map((c) => c.title), ...rows].map((row) => row.map(printable))
  const widths = columns.map((_, i) => extentOf(cells.map((row) => [...(row[i] ?? '')].length))[1])
  if (width !== undefined) narrow(columns, widths, width)
  return cells.map((row) =>
    row
      .map((cell, i) => {
        const text = cut(cell, widths[i]!)
        const space = ' '.repeat(widths[i]! - [...text].length)
        return columns[i]?.align === 'right' ? space + text : text + space
      })
      .join(' '.repeat(GAP))
      .trimEnd(),
  )
}

/** Numbers are never cut. */
function narrow(columns: Column[], widths: number[], width: number): void {
  let over = widths.reduce((sum, w) => sum + w, 0) + GAP * (widths.length - 1) - width
  while (over > 0) {
    const texts = widths.map((w, i) => (columns[i]?.align === 'right' ? 0 : w))
    const widest = texts.indexOf(Math.max(...texts))
    if (texts[widest]! <= MIN_CELL) return
    const second = Math.max(MIN_CELL, ...texts.filter((w, i) => i !== widest && w < texts[widest]!))
    const by = Math.min(over, Math.max(1, texts[widest]! - second))
    widths[widest]! -= by
    over -= by
  }
}

function cut(text: string, width: number): string {
  const letters = [...text]
  return letters.length <= width ? text : `${letters.slice(0, width - 1).join('')}…`
}

/** What others wrote (a curator's name) must not move the cursor or colour the screen. */
export const printable = (text: string): string => text.replaceAll(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, '�')

/** What fits a screen of these lines and columns: the top stays, and the last line says how much is left out. */
export function screenful(text: string, { rows, columns }: { rows?: number; columns?: number }): string {
  const lines = text.split('\n').map((line) => (columns === undefined ? line : cut(line, columns)))
  if (rows === undefined || lines.length < rows) return lines.join('\n')
  const room = Math.max(1, rows - 2) // one line for what is left out, one for the cursor
  const more = `… and ${lines.length - room} more lines: enlarge the window, or leave --watch out.`
  return [...lines.slice(0, room), columns === undefined ? more : cut(more, columns)].join('\n')
}

/** Signed R/R or weight with as many digits as a person reads. */
export function number(value: number | null, digits = 3): string {
  if (value === null) return '–'
  const text = value.toFixed(digits)
  return Number(text) === 0 ? (0).toFixed(digits) : text // not -0.000
}
