import { describe, expect, test } from 'vitest'
import { closedTrade } from '../test/support/closed-trade.ts'
import { eventId } from './event.ts'
import { strandId, strandOf } from './strand.ts'

const place = { topic: 'pm.position-closed.v1', partition: 3, offset: 41 }

describe('the strand of a closed trade', () => {
  test('is a position_closed strand of the PM, dated when the position closed', () => {
    expect(strandOf(closedTrade(), place)).toMatchObject({
      module: 'pm',
      kind: 'position_closed',
      symbol: 'PEPE',
      timeframe: '1h',
      position_id: 'p-1',
      trade_id: 't-1',
      created_at: '2026-01-02T12:00:00.000Z',
      regime_context: { macro: 'risk-on' },
      status: 'active',
    })
  })

  test('has the net return where the event says it', () => {
    const { completed_trades, trade_summary } = strandOf(closedTrade({ net_return: 0.48 }), place).content
    expect([completed_trades[0]?.net_return, trade_summary.net_return]).toEqual([0.48, 0.48])
  })

  test('holds levers and measures as one entry context, and the trade itself', () => {
    const { content } = strandOf(closedTrade(), place)
    const trade = {
      trade_id: 't-1',
      entry_price: 2,
      exit_price: 3,
      entry_timestamp: '2026-01-01T00:00:00.000Z',
      exit_timestamp: '2026-01-02T12:00:00.000Z',
      decision_type: 'trim',
      rr: 1.25,
      return: 0.5,
      max_drawdown: 0.4,
      max_gain: 0.75,
      unscored_reason: null,
    }
    const entry_context = { curator: '0xdetweiler', mcap_bucket: '1m-2m', vol_at_entry: 120000 }
    expect(content).toEqual({
      position_id: 'p-1',
      trade_id: 't-1',
      token: '0xabc',
      token_contract: '0xabc',
      chain: 'base',
      timeframe: '1h',
      ts: '2026-01-02T12:00:00.000Z',
      decision_type: 'trim',
      entry_context,
      completed_trades: [trade],
      trade_summary: { ...trade, entry_context, hold_time_days: 1.5 },
    })
  })

  test('says where it comes from', () => {
    expect(strandOf(closedTrade({ revision: 2, source: 'import:jsonl' }), place).metadata).toEqual({
      projected_by: 'strandline',
      event_id: eventId('p-1', 't-1'),
      revision: 2,
      source: 'import:jsonl',
      ...place,
    })
  })

  test('has the same id for every revision of a trade, and another id for another trade', () => {
    const first = strandOf(closedTrade(), place)
    const corrected = strandOf(closedTrade({ revision: 1, rr: 2 }), { ...place, offset: 99 })
    const other = strandOf(closedTrade({ trade_id: 't-2' }), place)
    expect(corrected.id).toBe(first.id)
    expect(other.id).not.toBe(first.id)
  })

  test('has columns that Postgres takes, wherever a long id is cut', () => {
    const cut = `${'p'.repeat(63)}😀${'q'.repeat(600)}`
    const { position_id, trade_id } = strandOf(closedTrade({ position_id: cut, trade_id: cut }), place)
    for (const id of [position_id, trade_id]) expect(id.isWellFormed(), id).toBe(true)
  })

  test("has a bounded id whatever a foreign producer's event_id is", () => {
    expect(strandId('x'.repeat(5000))).toHaveLength('position_closed_'.length + 36)
  })

  test('names the token by its symbol where there is no contract, and the other way round', () => {
    expect(strandOf(closedTrade({ token_contract: '' }), place).content.token).toBe('PEPE')
    expect(strandOf(closedTrade({ symbol: '' }), place).symbol).toBe('0xabc')
  })

  test('is voided when the trade is', () => {
    expect(strandOf(closedTrade({ voided: true }), place).status).toBe('voided')
  })

  test('keeps a trade without a score as one without a score', () => {
    const event = closedTrade({
      rr: null,
      return: null,
      max_drawdown: null,
      max_gain: null,
      unscored_reason: 'no_ohlcv',
    })
    expect(strandOf(event, place).content.trade_summary).toMatchObject({ rr: null, unscored_reason: 'no_ohlcv' })
  })

  test('is a row that Postgres takes, however odd the ids and the opening time are', () => {
    const row = strandOf(
      closedTrade({ position_id: 'p'.repeat(9000), trade_id: 't'.repeat(9000), opened_at: -9e15 }),
      place,
    )
    expect(row.position_id.length + row.trade_id.length).toBeLessThan(300)
    expect(row.content.position_id).toHaveLength(9000)
    expect(row.content.completed_trades[0]?.entry_timestamp).toBe('1970-01-01T00:00:00.000Z')
  })

  test('holds no U+0000, which Postgres cannot store', () => {
    const event = closedTrade({
      levers: { 'cura\0tor': 'a\0b' },
      symbol: 'PE\0PE',
      position_id: 'p\0',
      event_id: 'e\0',
    })
    expect(JSON.stringify(strandOf(event, place))).not.toContain('\\u0000')
  })
})
