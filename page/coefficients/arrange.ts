/** Which coefficients are asked for, and in which order. Pure. */
import { byScopeNameKey, type WeighedRow } from '../../domain/learning/offline.ts'
import type { Reading } from './reading.ts'

export const SORTS = ['name', 'weight', 'n', 'edge', 'rr_short', 'rr_long', 'trust', 'moved'] as const
export type Sort = (typeof SORTS)[number]

export interface Arrangement {
  scope?: string
  name?: string
  minN: number
  /** Part of a name or a key, whatever its case. */
  search?: string
  sort: Sort
  descending: boolean
}

/** How far a weight is from another one, as a factor's logarithm; what is not there weighs 1. */
export const moved = (row: Pick<WeighedRow, 'weight'> | undefined, other: Pick<WeighedRow, 'weight'> | undefined) =>
  Math.abs(Math.log((row?.weight ?? 1) / (other?.weight ?? 1)))

/** The places of those that are asked for among the reading's rows. Rows that are equal stay in the order of their names. */
export function arrange({ rows }: Reading, asked: Arrangement, against: Reading | null): Uint32Array {
  const wanted = filterOf(asked)
  const found = new Uint32Array(rows.length)
  let count = 0
  for (let i = 0; i < rows.length; i++) if (wanted(rows[i] as WeighedRow)) found[count++] = i
  const places = found.subarray(0, count)
  const { sort, descending } = asked
  if (sort === 'name') return descending ? places.reverse() : places
  const values = sort === 'moved' ? distances(rows, places, against?.rows ?? []) : new Float64Array(rows.length)
  if (sort !== 'moved') for (const place of places) values[place] = (rows[place] as WeighedRow)[sort]
  const sign = descending ? -1 : 1
  return places.sort((a, b) => sign * ((values[a] as number) - (values[b] as number)) || a - b)
}

/** How far each of these is from the row of its name among the others, which are in the same order. */
function distances(rows: readonly WeighedRow[], places: Uint32Array, others: readonly WeighedRow[]): Float64Array {
  const values = new Float64Array(rows.length)
  let next = 0
  for (const place of places) {
    const row = rows[place] as WeighedRow
    while (next < others.length && byScopeNameKey(others[next] as WeighedRow, row) < 0) next++
    const other = others[next]
    values[place] = moved(row, other && byScopeNameKey(other, row) === 0 ? other : undefined)
  }
  return values
}

function filterOf({ scope, name, minN, search }: Arrangement): (row: WeighedRow) => boolean {
  const part = search?.toLowerCase()
  return (row) =>
    (scope === undefined || row.scope === scope) &&
    (name === undefined || row.name === name) &&
    row.n >= minN &&
    (part === undefined || row.key.toLowerCase().includes(part) || row.name.toLowerCase().includes(part))
}
