/** The reference vectors of the rule shrunk: logs, contexts, and what positions of these contexts must be sized by. */
import { readFileSync } from 'node:fs'
import { expect } from 'vitest'
import { type PositionClosed, splitEntryContext } from '../../domain/event.ts'
import type { LeverSource } from '../../domain/learning/model.ts'
import type { CoefficientRow } from '../../domain/learning/offline.ts'
import { parseOfflineLine } from '../../domain/offline-log.ts'
import type { Factor, Product } from '../../domain/sizing/allocation.ts'
import { sharedData } from './shared-data.ts'

interface Weighed {
  name: string
  key: string
  n: number
  weight: number
}

interface Expected {
  levers: Weighed[]
  interactions: Weighed[]
  contexts: (Pick<Product, 'multiplier' | 'multiplier_unclamped'> & {
    factors: Pick<Factor, 'scope' | 'name' | 'key' | 'known' | 'edge' | 'weight'>[]
  })[]
}

export interface SizingCase {
  name: string
  events: PositionClosed[]
  contexts: { entry_context: Record<string, unknown>; timeframe?: string }[]
  /** By the name of the model. */
  expect: Record<string, Expected>
}

/** null, and said on stderr, where the reference data is absent. */
export function readSizingCases(): SizingCase[] | null {
  const file = sharedData('vectors/sizing.json')
  if (file === null) return null
  const { cases } = JSON.parse(readFileSync(file, 'utf8')) as {
    cases: Record<
      string,
      {
        log: object[]
        contexts: { timeframe: string | null; entry_context: Record<string, unknown> }[]
        expect: Record<string, Expected>
      }
    >
  }
  return Object.entries(cases).map(([name, { log, contexts, expect }]) => ({
    name,
    events: log.map((line, i) => parseOfflineLine(JSON.stringify(line), i + 1)),
    contexts: contexts.map(({ timeframe, entry_context }) => ({
      entry_context,
      ...(timeframe === null ? {} : { timeframe }),
    })),
    expect,
  }))
}

export const leverSource = ({ entry_context, timeframe = '' }: SizingCase['contexts'][number]): LeverSource => ({
  ...splitEntryContext(entry_context),
  timeframe,
})

/** Each factor, and what they come to. */
export function expectSizes(found: Pick<Product, 'factors' | 'multiplier' | 'multiplier_unclamped'>[], of: Expected) {
  expect(found).toHaveLength(of.contexts.length)
  for (const [i, should] of of.contexts.entries()) {
    const is = found[i] as (typeof found)[number]
    const named = ({ scope, name, key, known }: (typeof should.factors)[number]) => ({ scope, name, key, known })
    expect(is.factors.map(named)).toEqual(should.factors.map(named))
    for (const [j, factor] of should.factors.entries()) {
      near(is.factors[j]?.edge, factor.edge)
      near(is.factors[j]?.weight, factor.weight)
    }
    near(is.multiplier_unclamped, should.multiplier_unclamped)
    near(is.multiplier, should.multiplier)
  }
}

/** Every coefficient, no more and no fewer. */
export function expectWeights(rows: readonly CoefficientRow[], { levers, interactions }: Expected): void {
  const should = new Map([...levers, ...interactions].map((w) => [`${w.name} ${w.key}`, w]))
  expect(rows.map(({ name, key }) => `${name} ${key}`).sort()).toEqual([...should.keys()].sort())
  for (const row of rows) {
    const { n, weight } = should.get(`${row.name} ${row.key}`) as Weighed
    expect(Number(row.n)).toBe(n)
    near(row.weight, weight)
  }
}

function near(is: number | undefined, should: number): void {
  const off = Math.abs((is ?? Number.NaN) - should)
  if (!(off <= Math.max(1e-12, 1e-9 * Math.abs(should)))) expect(is).toBe(should)
}
