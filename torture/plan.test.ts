import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { FAULTS } from './faults/index.ts'
import { planFaults } from './plan.ts'

const outline = (seed: number, count: number) =>
  planFaults(seed, FAULTS, count, 60_000).map(({ fault, at, lasts, dice }) => [fault.kind, at, lasts, dice.next()])

test('a seed gives the same plan, another one another', () => {
  expect(outline(7, 50)).toEqual(outline(7, 50))
  expect(outline(8, 50)).not.toEqual(outline(7, 50))
})

test('each kind comes before any of them comes again, within the time and as long as it may last', () => {
  const plan = planFaults(3, FAULTS, 2 * FAULTS.length, 60_000)
  const kinds = plan.map((p) => p.fault.kind)
  expect(new Set(kinds.slice(0, FAULTS.length)).size).toBe(FAULTS.length)
  expect(plan.map((p) => p.at)).toEqual(plan.map((p) => p.at).sort((a, b) => a - b))
  for (const { fault, at, lasts } of plan) {
    expect(at).toBeLessThan(60_000)
    expect(lasts).toBeGreaterThanOrEqual(fault.lasts[0])
    expect(lasts).toBeLessThanOrEqual(fault.lasts[1])
  }
})

test('every kind has a name of its own and a row in docs/torture.md, as --list says it', () => {
  const docs = readFileSync(new URL('../docs/torture.md', import.meta.url), 'utf8').split('## Faults')[1]!
  const rows = [...docs.matchAll(/^\| `(\w+)` \| (.*) \|$/gm)].map(([, kind, about]) => ({ kind, about }))
  expect(rows).toEqual(FAULTS.map(({ kind, about }) => ({ kind, about })))
  expect(new Set(FAULTS.map((f) => f.kind)).size).toBe(FAULTS.length)
})
