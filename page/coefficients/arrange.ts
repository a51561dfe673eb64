/** Which coefficients are asked for, and in which order. Pure. */
import type { WeighedRow } from '../../domain/learning/offline.ts'
import { idOf, type Reading } from './reading.ts'

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
  const numberOf =
    sort === 'moved' ? (row: WeighedRow) => moved(row, against?.find(idOf(row))) : (row: WeighedRow) => row[sort]
  const values = new Float64Array(rows.length)
  for (const place of places) values[place] = numberOf(rows[place] as WeighedRow)
  const sign = descending ? -1 : 1
  return places.sort((a, b) => sign * ((values[a] as number) - (values[b] as number)) || a - b)
}

function filterOf({ scope, name, minN, search }: Arrangement): (row: WeighedRow) => boolean {
  const part = search?.toLowerCase()
  return (row) =>
    (scope === undefined || row.scope === scope) &&
    (name === undefined || row.name === name) &&
    row.n >= minN &&
    (part === undefined || row.key.toLowerCase().includes(part) || row.name.toLowerCase().includes(part))
}
