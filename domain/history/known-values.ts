/** What entries have looked like so far: the values that levers had, and the entry of the newest trade. Pure. */
import type { TradeHistory } from './trade-history.ts'

/** Trades that had a value of a lever. */
export interface KnownValue {
  value: string
  n: number
}

/** @param chosen 1 for each row that counts; returns the values of each lever, those of most trades first, of equal ones by their text */
export function knownValues(history: TradeHistory, chosen: Uint8Array): Map<string, KnownValue[]> {
  const { combination } = history.columns()
  const times = new Map<number, { row: number; n: number }>()
  for (let row = 0; row < chosen.length; row++) {
    if (chosen[row] === 0) continue
    const known = times.get(combination[row] as number)
    if (known) known.n++
    else times.set(combination[row] as number, { row, n: 1 })
  }
  const counts = new Map<number, number>()
  for (const { row, n } of times.values())
    for (const group of history.groupsOf(row)) counts.set(group, (counts.get(group) ?? 0) + n)
  const found = new Map<string, KnownValue[]>()
  for (const [number, n] of counts) {
    const { scope, name, key } = history.group(number)
    if (scope !== 'lever') continue
    const values = found.get(name) ?? []
    values.push({ value: key, n })
    found.set(name, values)
  }
  for (const values of found.values()) values.sort((a, b) => b.n - a.n || (a.value < b.value ? -1 : 1))
  return found
}

/** The row with the newest exit, of equal ones the last; undefined: none is chosen that is not voided. @param chosen of the history: `newest` */
export function newestRow(history: TradeHistory, chosen: Uint8Array): number | undefined {
  const { closed_at } = history.columns()
  let found: number | undefined
  for (let row = 0; row < chosen.length; row++) {
    if (chosen[row] === 0 || history.voided(row)) continue
    if (found === undefined || (closed_at[row] as number) >= (closed_at[found] as number)) found = row
  }
  return found
}

/** The value of each lever that a row's trade had: a measure is known by the word for its bucket alone. */
export function leversOf(history: TradeHistory, row: number): Map<string, string> {
  const groups = Array.from(history.groupsOf(row), (number) => history.group(number))
  return new Map(groups.flatMap(({ scope, name, key }) => (scope === 'lever' ? [[name, key]] : [])))
}
