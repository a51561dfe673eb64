/** Whatever stands in a log: what the history says of a moment is what a fold of the trades of that moment gives. */
import fc from 'fast-check'
import { beforeAll, describe, expect, test } from 'vitest'
import { loadModel } from '../../core/load-model.ts'
import { closedTrade } from '../../test/support/closed-trade.ts'
import { eventUuid, type PositionClosed } from '../event.ts'
import type { Model } from '../learning/model.ts'
import { createOfflineFold, type FoldedLog } from '../learning/offline.ts'
import { tradeOf } from '../learning/trade-table.ts'
import { coefficientsAt, momentAt } from './coefficients-at.ts'
import { courseOf } from './course.ts'
import type { Cut } from './cut.ts'
import { changesBetween } from './difference.ts'
import { sharesOf } from './shares.ts'
import { TradeHistory } from './trade-history.ts'

let model: Model
const DAY = 86_400_000
const START = Date.UTC(2025, 0, 1)

interface Logged {
  event: PositionClosed
  partition: number
  offset: number
  taken_at: number
}

/** Few trades with many revisions, in three partitions, the time of the log apart from that of the exits. */
const logs = fc
  .array(
    fc.record({
      trade: fc.integer({ min: 0, max: 15 }),
      revision: fc.integer({ min: 0, max: 3 }),
      voided: fc.integer({ min: 0, max: 9 }).map((x) => x === 0),
      day: fc.integer({ min: 0, max: 700 }),
      rr: fc.oneof(fc.constant(null), fc.double({ min: -10, max: 10, noNaN: true })),
      curator: fc.constantFrom('a', 'b', '%|', ''),
      chain: fc.constantFrom('base', 'solana'),
      partition: fc.integer({ min: 0, max: 2 }),
    }),
    { minLength: 1, maxLength: 60 },
  )
  .map((entries) => {
    const ends = [0, 0, 0]
    const nextOffset = (partition: number, i: number) => {
      ends[partition] = (ends[partition] as number) + 1 + (i % 3) // offsets have holes
      return ends[partition]
    }
    return entries.map(
      ({ trade, revision, voided, day, rr, curator, chain, partition }, i): Logged => ({
        event: closedTrade({
          event_id: eventUuid(`trade ${trade}`),
          revision,
          voided,
          closed_at: START + day * DAY,
          rr,
          return: rr === null ? null : rr / 7,
          levers: { curator, chain },
        }),
        partition,
        offset: nextOffset(partition, i),
        taken_at: START + (800 + i) * DAY,
      }),
    )
  })

const outcomeOf = (event: PositionClosed) => tradeOf(model, event, 0, 0).rr

function historyOf(log: readonly Logged[]): TradeHistory {
  const history = new TradeHistory()
  for (const { event, partition, offset, taken_at } of log)
    history.add(
      { ...event, rr: outcomeOf(event), partition, offset, taken_at, revised_by: 'somebody' },
      model.combination(model.leverValues(event)),
    )
  return history
}

/** The slow way: which records count, one by one, and those folded. */
async function folded(log: readonly Logged[], { closedUntil, takenUntil, below }: Cut): Promise<FoldedLog> {
  const newest = new Map<string, Logged>()
  for (const record of log) {
    const known = newest.get(record.event.event_id)
    if (takenUntil !== undefined && record.taken_at > takenUntil) continue
    if (record.offset >= (below?.get(record.partition) ?? Number.POSITIVE_INFINITY)) continue
    if (!known || record.event.revision > known.event.revision) newest.set(record.event.event_id, record)
  }
  const fold = createOfflineFold(model)
  for (const { event } of newest.values())
    if (closedUntil === undefined || event.closed_at <= closedUntil) await fold.add([event])
  return fold.result()
}

function expectSame(is: FoldedLog, should: FoldedLog): void {
  const close = (a: number | null, b: number | null, what: string) =>
    a === b || expect(Math.abs((a as number) - (b as number)), what).toBeLessThan(1e-9)
  expect(is.global_rr.n).toBe(should.global_rr.n)
  for (const f of ['rr_short', 'rr_long'] as const) close(is.global_rr[f], should.global_rr[f], f)
  const name = (c: FoldedLog['coefficients'][number]) => [c.module, c.scope, c.name, c.key, c.n]
  expect(is.coefficients.map(name)).toEqual(should.coefficients.map(name))
  for (const [i, row] of is.coefficients.entries())
    for (const f of ['weight', 'rr_short', 'rr_long'] as const)
      close(row[f], (should.coefficients[i] as typeof row)[f], `${row.name} ${row.key} ${f}`)
}

const cuts = fc.record(
  {
    closedUntil: fc.integer({ min: -1, max: 701 }).map((day) => START + day * DAY),
    takenUntil: fc.integer({ min: -1, max: 61 }).map((i) => START + (800 + i) * DAY),
    below: fc
      .dictionary(fc.constantFrom('0', '1', '2'), fc.integer({ min: 0, max: 100 }))
      .map((d) => new Map(Object.entries(d).map(([p, o]) => [Number(p), o]))),
  },
  { requiredKeys: [] },
)

const at = (history: TradeHistory, cut: Cut) => {
  const effective = history.effective(cut)
  return {
    effective,
    learned: coefficientsAt(history, effective, model),
    moment: momentAt(history, effective, model),
  }
}

describe.each(['lowcap-v4', 'lowcap-v5', 'lowcap-return'])('by %s', (name) => {
  beforeAll(() => {
    model = loadModel(name)
  })

  test('coefficients of any moment are the fold of its trades, corrections and voids on either side', () =>
    fc.assert(
      fc.asyncProperty(logs, cuts, async (log, cut) => {
        expectSame(at(historyOf(log), cut).learned, await folded(log, cut))
      }),
      { numRuns: 300 },
    ))

  test('stored in the midst of it and read again, it is the same', () =>
    fc.assert(
      fc.asyncProperty(logs, cuts, fc.nat(), async (log, cut, n) => {
        const half = n % (log.length + 1)
        const history = new TradeHistory(structuredClone(historyOf(log.slice(0, half)).state()))
        for (const { event, partition, offset, taken_at } of log.slice(half))
          history.add(
            { ...event, rr: outcomeOf(event), partition, offset, taken_at, revised_by: 'somebody' },
            model.combination(model.leverValues(event)),
          )
        expectSame(at(history, cut).learned, await folded(log, cut))
        for (const [row, { event, partition, offset, taken_at }] of log.entries()) {
          const { event_id, revision, voided, opened_at, closed_at, position_id, symbol, source } = event
          expect(history.record(row)).toEqual({
            ...{
              partition,
              offset,
              taken_at,
              event_id,
              revision,
              voided,
              opened_at,
              closed_at,
              position_id,
              symbol,
              source,
            },
            revised_by: 'somebody',
            rr: outcomeOf(event),
          })
          expect(history.revisionsOf(event_id)).toContain(row)
        }
      }),
      { numRuns: 100 },
    ))

  test('the shares of all its trades are each coefficient, and its course ends there', () =>
    fc.assert(
      fc.property(logs, cuts, (log, cut) => {
        const history = historyOf(log)
        const { effective, learned } = at(history, cut)
        for (const { scope, name, key, rr_short, rr_long, weight, n } of learned.coefficients) {
          const group = history.groupNumber({ scope: scope as 'lever', name, key }) as number
          const shares = sharesOf(history, group, effective, model.definition)
          expect(shares?.n).toBe(n)
          expect(shares?.rr_short).toBeCloseTo(rr_short, 9)
          expect(shares?.rr_long).toBeCloseTo(rr_long, 9)
          const total = (f: 'weight_short' | 'weight_long') => shares?.trades.reduce((sum, t) => sum + t[f], 0)
          expect(total('weight_short')).toBeCloseTo(1, 9)
          expect(total('weight_long')).toBeCloseTo(1, 9)
          const end = courseOf(history, group, effective, model).at(-1)
          expect(end?.n).toBe(n)
          expect(end?.rr_short).toBeCloseTo(rr_short, 9)
          // the baseline of that moment has no later trades of others
          const then = at(history, { ...cut, closedUntil: end?.at }).learned
          expect(end?.weight).toBeCloseTo(
            (then.coefficients.find((c) => c.name === name && c.key === key) as { weight: number }).weight,
            9,
          )
          expect(weight).toBeGreaterThan(0)
        }
      }),
      { numRuns: 100 },
    ))

  test('a difference has what came, what went and what moved, and nothing where nothing did', () =>
    fc.assert(
      fc.property(logs, cuts, cuts, (log, one, other) => {
        const history = historyOf(log)
        const before = at(history, one)
        const after = at(history, other)
        expect(changesBetween(history, before.moment, before.moment)).toEqual([])
        const changes = changesBetween(history, before.moment, after.moment)
        for (const was of before.learned.coefficients) {
          const is = after.learned.coefficients.find((c) => c.name === was.name && c.key === was.key)
          const change = changes.find((c) => c.name === was.name && c.key === was.key)
          if (!is) expect(change?.after).toBeNull()
          else if (Math.abs(is.weight - was.weight) > 1e-6) expect(change?.after?.weight).toBe(is.weight)
        }
        for (const { rows } of changes)
          for (const row of rows) expect(before.effective[row]).not.toBe(after.effective[row])
      }),
      { numRuns: 100 },
    ))
})
