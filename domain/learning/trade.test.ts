import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { loadModel } from '../../core/load-model.ts'
import { closedTrade } from '../../test/support/closed-trade.ts'
import type { PositionClosed } from '../event.ts'
import { MAX_KEY_BYTES } from '../limits.ts'
import { encodeLevers } from './model.ts'
import { decodeLevers, groupsOfLedger, type Trade } from './trade.ts'
import { tradeOf } from './trade-table.ts'

const lowcap = loadModel('lowcap-v4')
const freqtrade = loadModel('freqtrade')

function trade(changes: Partial<PositionClosed> = {}, model = lowcap): Trade {
  return tradeOf(model, closedTrade(changes), 3, 41)
}

describe('a trade as the ledger keeps it', () => {
  it('has its identity, its place, and its levers as one text', () => {
    expect(trade()).toMatchObject({
      id: closedTrade().event_id,
      partition: 3,
      offset: 41,
      revision: 0,
      voided: false,
      closed_at: closedTrade().closed_at,
      rr: 1.25,
      levers: '|curator=0xdetweiler|cap=1m-2m|vol=100k-250k|timeframe=1h|',
    })
  })

  it('has a UUID for an identity whatever the producer uses, and always the same one', () => {
    const [a, b, c] = ['trade-1', 'trade-1', 'trade-2'].map((event_id) => trade({ event_id }).id)
    expect(a).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-5/)
    expect(a).toBe(b)
    expect(a).not.toBe(c)
  })

  it('counts in no group when it is voided or was not scored', () => {
    expect(trade({ voided: true }).groups).toEqual([])
    expect(trade({ rr: null }).groups).toEqual([])
    expect(trade({ rr: 0 }).groups.length).toBeGreaterThan(0)
  })

  it('takes an R/R of next to nothing for 0: no price gives one, and the database refuses what comes of it', () => {
    expect(trade({ rr: 1e-101 }).rr).toBe(0)
    expect(trade({ rr: -1e-99 }).rr).toBe(-1e-99)
  })

  it('has no value where a lever is longer than an index takes, counted in bytes, and counts in the rest', () => {
    const long = trade({ levers: { curator: 'ä'.repeat(MAX_KEY_BYTES / 2 + 1), chain: 'base' } })
    expect(long.leftOut).toEqual(['curator'])
    expect(long.levers).toBe('|chain=base|vol=100k-250k|timeframe=1h|')
    expect(long.groups.map((g) => g.key)).toEqual([
      '',
      'squares',
      'base',
      '100k-250k',
      '1h',
      'chain=base|vol=100k-250k',
    ])
  })

  it('does not count for an interaction whose key is longer than an index takes, escapes counted', () => {
    const long = trade({ levers: { curator: '|'.repeat(700), chain: 'base' } })
    expect(long.leftOut).toEqual(['interaction'])
    expect(long.groups.map((g) => g.name)).toEqual(['global', 'global', 'curator', 'chain', 'vol', 'timeframe'])
    expect(groupsOfLedger(lowcap, long)).toEqual(long.groups)
    expect(trade({ levers: { curator: 'x'.repeat(MAX_KEY_BYTES - 60) } })).not.toHaveProperty('leftOut')
    expect(trade({ levers: { curator: '|'.repeat(700) }, rr: null })).not.toHaveProperty('leftOut')
  })
})

const value = fc.oneof(
  fc.string({ unit: fc.constantFrom('a', '|', '%', '=', '2', '5', '7', 'C', '"', '\\', ' ', '{', ',') }),
  fc.constantFrom('a', 'b', '', '%7C', '|a=', '|curator=a|'),
)
const event = fc
  .record({
    levers: fc.dictionary(
      fc.constantFrom('curator', 'chain', 'intent', 'mapping_confidence', 'mcap_bucket', 'pair', 'enter_tag', 'hour'),
      value,
    ),
    mcap: fc.option(fc.constantFrom(1, 600_000)),
    timeframe: fc.constantFrom('1m', '1h'),
  })
  .map(({ levers, mcap, timeframe }) =>
    closedTrade({ levers, timeframe, measures: mcap === null ? {} : { mcap_at_entry: mcap } }),
  )

describe('the levers of a trade as text', () => {
  it.each([
    ['lowcap-v4', lowcap],
    ['freqtrade', freqtrade],
  ])('come back whatever is in them, and give the same groups (%s)', (_, model) => {
    fc.assert(
      fc.property(event, (e) => {
        const values = model.leverValues(e)
        const text = encodeLevers(values)
        expect(Object.fromEntries(decodeLevers(text))).toEqual(
          Object.fromEntries(values.map((v) => [v.group.name, v.group.key])),
        )
        expect(groupsOfLedger(model, { voided: false, rr: 1, levers: text })).toEqual(model.groups(values))
      }),
    )
  })

  it('of a trade that counts in no group give none', () => {
    const { levers } = trade()
    expect(groupsOfLedger(lowcap, { voided: true, rr: 1, levers })).toEqual([])
    expect(groupsOfLedger(lowcap, { voided: false, rr: null, levers })).toEqual([])
  })

  it('are empty where there are none', () => {
    expect(encodeLevers([])).toBe('')
    expect(decodeLevers('').size).toBe(0)
  })
})
