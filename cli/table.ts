/** Plain text tables for a terminal. */

export interface Column {
  title: string
  align?: 'left' | 'right'
}

/** Longest cell: a key of many parts must not push the numbers off the screen. */
const MAX_CELL = 96

/** Lines of a table, columns two spaces apart, without trailing spaces. */
export function table(columns: Column[], rows: string[][]): string[] {
  const cells = [columns.map((c) => c.title), ...rows].map((row) => row.map(printable))
  const widths = columns.map((_, i) => Math.max(...cells.map((row) => [...(row[i] ?? '')].length)))
  return cells.map((row) =>
    row
      .map((cell, i) => {
        const space = ' '.repeat(widths[i]! - [...cell].length)
        return columns[i]?.align === 'right' ? space + cell : cell + space
      })
      .join('  ')
      .trimEnd(),
  )
}

/** What others wrote (a curator's name) must not move the cursor or colour the screen. */
export function printable(text: string): string {
  const clean = text.replaceAll(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, '�')
  return [...clean].length > MAX_CELL ? `${[...clean].slice(0, MAX_CELL - 1).join('')}…` : clean
}

/** Signed R/R or weight with as many digits as a person reads. */
export const number = (value: number | null, digits = 3): string => (value === null ? '–' : value.toFixed(digits))
