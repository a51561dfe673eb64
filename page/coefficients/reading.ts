/** What is learned by one model at one moment, as it is kept for those who page through it. */
import { byScopeNameKey, type WeighedRow } from '../../domain/learning/offline.ts'
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
  /** The coefficient of this name and key. */
  find(of: Named): WeighedRow | undefined
}

type Named = Pick<WeighedRow, 'scope' | 'name' | 'key'>

export const reading = (key: string, head: Head, rows: readonly WeighedRow[], exact?: Reading['exact']): Reading => ({
  key,
  head,
  rows,
  exact,
  find(of) {
    let [low, high] = [0, rows.length]
    while (low < high) {
      const middle = (low + high) >> 1
      if (byScopeNameKey(rows[middle] as WeighedRow, of) < 0) low = middle + 1
      else high = middle
    }
    const found = rows[low]
    return found && byScopeNameKey(found, of) === 0 ? found : undefined
  },
})
