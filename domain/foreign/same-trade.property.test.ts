/** One trade, found in a strand, in its position's list, or closed by us: one event id. */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { type BarredFlatTrade, closingOf } from '../closing/closing.ts'
import { tradesOfPosition } from './position-trades.ts'
import { parseTrade } from './posted-trade.ts'
import { tradeOfStrand } from './strand-event.ts'

const NOW = Date.UTC(2026, 4, 19)
const MINUTE = 60_000

const id = fc.oneof(
  fc.uuid(),
  fc.bigInt({ min: 1n, max: 2n ** 63n - 1n }).map(String),
  fc.string({ minLength: 1, maxLength: 12 }).filter((s) => s.trim() !== '' && !/^[-\d.]+$/.test(s)),
)
/** Microseconds since 1970: what a timestamp of PostgreSQL holds. */
const instant = fc.integer({ min: Date.UTC(2015, 0) * 1000, max: (NOW - 2 * MINUTE) * 1000 })
const writtenTime = fc.constantFrom<(us: number) => unknown>(
  (us) => `${iso(us)}+00:00`,
  (us) => `${iso(us)}`,
  (us) => iso(us).replace('T', ' '),
  (us) => `${iso(us + 19_800_000_000)}+05:30`,
  (us) => `${iso(us)}400Z`,
  (us) => us / 1e6,
  (us) => us / 1e3,
  (us) => us,
  (us) => `${us}`,
  (us) => us * 1e3,
  (us) => `${us}321`,
)
const names = fc.constantFrom(
  ['entry_timestamp', 'exit_timestamp'],
  ['opened_at', 'closed_at'],
  ['entry_time', 'exit_time'],
)
const numbers = fc.constantFrom<(n: number) => unknown>((n) => n, String)
const wrap = fc.constantFrom<(t: Record<string, unknown>) => unknown>(
  (t) => [t],
  (t) => t,
  ({ trade_id, ...summary }) => [{ trade_id, actions: [], summary }],
  ({ trade_id, ...summary }) => ({ trade_id, actions: [], summary: JSON.stringify(summary) }),
  (t) => JSON.stringify([t]),
  (t) => [JSON.stringify(t)],
)

function iso(us: number): string {
  return new Date(Math.floor(us / 1000)).toISOString().replace('Z', String(us % 1000).padStart(3, '0'))
}

const shape = fc.record({ time: writtenTime, names, number: numbers, wrap })
const carried = fc.constantFrom('content', 'columns', 'content as text')

test('bridge, backfill and our own close of one trade give one event id', () => {
  fc.assert(
    fc.property(
      fc.record({
        position: id,
        trade: fc.option(id),
        entered: instant,
        held: fc.integer({ min: 1, max: 2 * MINUTE }),
      }),
      shape,
      shape,
      carried,
      fc.boolean(),
      (t, inStrand, inPosition, where, idInColumn) => {
        const element = (s: typeof inStrand, named: boolean) =>
          s.wrap({
            ...(named ? { trade_id: t.trade } : {}),
            entry_price: s.number(1.5),
            exit_price: s.number(1.7),
            rr: s.number(0.5),
            [s.names[0]!]: s.time(t.entered),
            [s.names[1]!]: s.time(t.entered + t.held * 1000),
          })
        const lists = { entry_context: {}, completed_trades: element(inStrand, !idInColumn) }
        const content = { ...(where === 'columns' ? {} : lists), chain: 'base' }
        const ids = { position_id: t.position, ...(idInColumn ? { trade_id: t.trade } : {}) }
        const bridged = tradeOfStrand(
          {
            id: 's',
            timeframe: '15m',
            ...ids,
            ...(where === 'columns' ? lists : {}),
            content: where === 'content as text' ? JSON.stringify(content) : content,
          },
          { now: NOW },
        ).event
        const [backfilled] = tradesOfPosition(
          { id: t.position, timeframe: '15m', completed_trades: element(inPosition, true) },
          NOW,
        )
        const entry_ms = Math.floor(t.entered / 1000)
        const closed = closingOf({
          position_id: t.position,
          trade_id: t.trade ?? `entry-${entry_ms}`,
          now: NOW,
          timeframe: '15m',
          entry_price: 1.5,
          exit_price: 1.7,
          opened_at: entry_ms,
          closed_at: Math.floor(t.entered / 1000) + t.held,
          bars: [],
        } as unknown as BarredFlatTrade).event
        expect(backfilled).toMatchObject({ trade: { event: { event_id: bridged.event_id } } })
        expect([bridged.event_id, bridged.opened_at]).toEqual([closed.event_id, closed.opened_at])
      },
    ),
    { numRuns: 1_000 },
  )
})

/** As others write a UUID. */
const spelling = fc.constantFrom<(uuid: string) => string>(
  (uuid) => uuid,
  (uuid) => uuid.toUpperCase(),
  (uuid) => `{${uuid}}`,
  (uuid) => uuid.replaceAll('-', ''),
)

test('regression: a bridged trade and a posted one are of one event id, however each spells its UUIDs', () => {
  const uuid = fc.uuid({ version: 4 })
  fc.assert(
    fc.property(uuid, uuid, spelling, spelling, (position, trade, one, other) => {
      const [entered, left] = ['2026-05-18T10:00:00Z', '2026-05-18T11:00:00Z']
      const numbers = { entry_price: 1, exit_price: 2, rr: 1 }
      const closed = { trade_id: one(trade), ...numbers, entry_time: entered, exit_time: left }
      const bridged = tradeOfStrand(
        { id: 's', position_id: position, timeframe: '1h', content: { entry_context: {}, completed_trades: [closed] } },
        { now: NOW },
      )
      const ids = { position_id: other(position), trade_id: other(trade) }
      const times = { opened_at: entered, closed_at: left }
      const { event } = parseTrade({ ...ids, ...times, ...numbers, symbol: 'X', timeframe: '1h' }, [])
      expect(event.event_id).toBe(bridged.event.event_id)
    }),
  )
})
