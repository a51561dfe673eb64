/** What is learned by one model at one moment, as it is kept for those who page through it. */
import type { WeighedRow } from '../../domain/learning/offline.ts'
import type { coefficientsHead } from '../../replay/answers.ts'

export type Head = ReturnType<typeof coefficientsHead>

export interface Reading {
  /** Another one whenever it is another answer. */
  readonly key: string
  readonly head: Head
  /** Sorted by scope, name, key. */
  readonly rows: readonly WeighedRow[]
  /** Where the rows are folded from the log, so that a page can be shown soon: some of them as the database has them now. */
  exact?(rows: readonly WeighedRow[]): Promise<{ head: Head; rows: WeighedRow[] }>
  /** By `idOf`. */
  find(id: string): WeighedRow | undefined
}

export const idOf = ({ name, key }: Pick<WeighedRow, 'name' | 'key'>): string => `${name}\0${key}`

export function reading(key: string, head: Head, rows: readonly WeighedRow[], exact?: Reading['exact']): Reading {
  let ids: Map<string, WeighedRow> | undefined
  return {
    key,
    head,
    rows,
    exact,
    find(id) {
      ids ??= new Map(rows.map((row) => [idOf(row), row]))
      return ids.get(id)
    },
  }
}
